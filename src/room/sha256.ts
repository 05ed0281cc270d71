// SHA-256, synchronous. WebCrypto answers later, which would bring races into the fold of members.
import { _SHA256 } from "@noble/hashes/sha2.js";
import type { CHash } from "@noble/hashes/utils.js";

/** The class of noble as a hash function. Noble's own `sha256` wraps it in checks that double its size. */
export const sha256: CHash = /* @__PURE__ */ Object.assign(
  (bytes: Uint8Array) => new _SHA256().update(bytes).digest(),
  {
    create: () => new _SHA256(),
    outputLen: 32,
    blockLen: 64,
    canXOF: false,
  },
);
