// The decisions about media keys. Never a key.

export type KeyTrace = { readonly kind: "key-created"; readonly keyIndex: number };
