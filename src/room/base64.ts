// Base64: encoded with or without padding, decoded in any of its variants. protocol.md 5.2, 5.5, 6.1.

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function toUnpaddedBase64(bytes: Uint8Array): string {
  return toBase64(bytes).replace(/=+$/, "");
}

/** Decodes padded or unpadded, standard or URL-safe base64. Undefined if the text is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, ""));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
