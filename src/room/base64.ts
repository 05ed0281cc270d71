// Base64: encoded with or without padding, decoded in any of its variants. protocol.md 5.2, 5.5, 6.1.

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function toUnpaddedBase64(bytes: Uint8Array): string {
  return withoutPadding(toBase64(bytes));
}

/** Decodes padded or unpadded, standard or URL-safe base64. Undefined if the text is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(withoutPadding(text.replace(/-/g, "+").replace(/_/g, "/")));
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = binary.charCodeAt(index);
    return bytes;
  } catch {
    return undefined;
  }
}

/** A loop, because a pattern like `=+$` takes quadratic time on some texts. */
function withoutPadding(text: string): string {
  let end = text.length;
  while (text[end - 1] === "=") end -= 1;
  return text.slice(0, end);
}
