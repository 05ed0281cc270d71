// NodeKeys: installs the media keys of a session in a room of rtc-node, and reports what can be decrypted. protocol.md 6.6.
import { type E2EEOptions, EncryptionState, type Room } from "@livekit/rtc-node";
import { filter, map, type Observable } from "rxjs";
import type { DecryptionReport, EncryptionKey } from "../types.ts";
import type { RtcNode } from "./rtc-node.ts";

/** How rtc-node must derive and keep keys, so that it decrypts LiveKit's browser client and is decrypted by it. */
export const encryptionOptions: E2EEOptions = {
  keyProviderOptions: {
    ratchetSalt: new TextEncoder().encode("LKFrameEncryptionKey"),
    ratchetWindowSize: 10,
    keyRingSize: 256,
    failureTolerance: -1,
    // rtc-node does not export its enum. This is HKDF.
    keyDerivationFunction: 1,
  },
};

/** Keys of participants that have left go when their room does. Nobody can fill the memory of the native part. */
const maxIdentities = 1_000;

export class NodeKeys {
  readonly #rtc: RtcNode;
  readonly #room: Room;
  readonly #installed = new Map<string, Set<number>>();
  #own: EncryptionKey | undefined;

  constructor(rtc: RtcNode, room: Room) {
    this.#rtc = rtc;
    this.#room = room;
  }

  /** Whether a track of ours would be encrypted. */
  get canEncrypt(): boolean {
    return this.#own !== undefined;
  }

  has(identity: string, keyIndex: number): boolean {
    return this.#installed.get(identity)?.has(keyIndex) ?? false;
  }

  /** Installs a key. Returns false if it is refused. */
  install(key: EncryptionKey): boolean {
    const { participantIdentity: identity, own, keyIndex } = key;
    // LiveKit encrypts our media with the last key that was set for our identity, by any member.
    if (!own && identity === this.#own?.participantIdentity) return false;
    const indexes = this.#installed.get(identity) ?? new Set<number>();
    if (!own && indexes.size === 0 && this.#installed.size >= maxIdentities) return false;
    this.#installed.set(identity, indexes.add(keyIndex));
    this.#set(key);
    if (own) {
      this.#own = key;
      this.useOwnKey();
    }
    // A track that is being published now takes the index that was set last, which may be that of another member.
    else if (this.#own) this.#set(this.#own);
    return true;
  }

  /** Encrypts all our tracks with our newest key. LiveKit's choice for a new track is the index that was set last. */
  useOwnKey(): void {
    if (!this.#own) return;
    const { participantIdentity, keyIndex } = this.#own;
    for (const { sid } of this.#room.localParticipant?.trackPublications.values() ?? [])
      if (sid !== undefined) this.#rtc.useKeyIndex(this.#room, participantIdentity, sid, keyIndex);
  }

  #set({ participantIdentity, keyIndex, key }: EncryptionKey): void {
    this.#rtc.setKey(this.#room, participantIdentity, keyIndex, key);
  }
}

const results: Readonly<Partial<Record<EncryptionState, DecryptionReport["result"]>>> = {
  [EncryptionState.OK]: "ok",
  [EncryptionState.MISSING_KEY]: "missing-key",
  [EncryptionState.DECRYPTION_FAILED]: "invalid-key",
};

/** What a room of rtc-node reports about the keys of the other participants. It also reports recoveries. */
export function nodeDecryption(rtc: RtcNode, room: Room): Observable<DecryptionReport> {
  return rtc.cryptorReports(room).pipe(
    filter(({ participantIdentity }) => participantIdentity !== room.localParticipant?.identity),
    map(({ participantIdentity, state }) => ({ participantIdentity, result: results[state] })),
    filter((report): report is DecryptionReport => report.result !== undefined),
  );
}
