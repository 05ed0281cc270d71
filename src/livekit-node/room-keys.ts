// RoomKeys: installs the media keys of a session in a room of rtc-node, and reports what can be decrypted. protocol.md 6.6.
import { type E2EEOptions, EncryptionState, type Room } from "@livekit/rtc-node";
import { filter, map, type Observable, type Subscription } from "rxjs";
import type { DecryptionReport, EncryptionKey } from "../types.ts";
import type { CryptorReport, RtcNode } from "./rtc-node.ts";

const textEncoder = new TextEncoder();

/** How rtc-node must derive and keep keys, so that it decrypts LiveKit's browser client and is decrypted by it. */
export const encryptionOptions: E2EEOptions = {
  keyProviderOptions: {
    ratchetSalt: textEncoder.encode("LKFrameEncryptionKey"),
    ratchetWindowSize: 10,
    keyRingSize: 256,
    failureTolerance: -1,
    // rtc-node does not export its enum. This is HKDF.
    keyDerivationFunction: 1,
  },
};

export class RoomKeys {
  /** The participants whose media can be decrypted. */
  readonly identities: Set<string> = new Set();
  #own: EncryptionKey | undefined;
  readonly #rtc: RtcNode;
  readonly #room: Room;

  constructor(rtc: RtcNode, room: Room) {
    this.#rtc = rtc;
    this.#room = room;
  }

  /** Whether we can encrypt, so that we may publish. */
  get canEncrypt(): boolean {
    return this.#own !== undefined;
  }

  /** Installs keys until unsubscribed. `installed` is called after each key. */
  follow(encryptionKey$: Observable<EncryptionKey>, installed: () => void): Subscription {
    return encryptionKey$.subscribe((key) => {
      if (this.#install(key)) installed();
    });
  }

  /** Encrypts all our tracks with our newest key. LiveKit's choice for a new track is the index that was set last. */
  useOwnKey(): void {
    if (!this.#own) return;
    const { participantIdentity, keyIndex } = this.#own;
    for (const { sid } of this.#room.localParticipant?.trackPublications.values() ?? [])
      if (sid !== undefined) this.#rtc.useKeyIndex(this.#room, participantIdentity, sid, keyIndex);
  }

  #install(key: EncryptionKey): boolean {
    // LiveKit encrypts our media with the last key that was set for our identity, by any member.
    if (!key.own && key.participantIdentity === this.#own?.participantIdentity) return false;
    this.#set(key);
    this.identities.add(key.participantIdentity);
    if (key.own) this.#own = key;
    // A track that is being published now takes the index that was set last, whoever's key it was.
    else if (this.#own) this.#set(this.#own);
    if (key.own) this.useOwnKey();
    return true;
  }

  #set({ participantIdentity, keyIndex, key }: EncryptionKey): void {
    this.#rtc.setKey(this.#room, participantIdentity, keyIndex, key);
  }
}

/** What a room of rtc-node reports about the keys of the other participants. It also reports recoveries. */
export function roomDecryption(rtc: RtcNode, room: Room): Observable<DecryptionReport> {
  return rtc.cryptorReports(room).pipe(
    filter(({ participantIdentity }) => participantIdentity !== room.localParticipant?.identity),
    map(reportOf),
    filter((report) => report !== undefined),
  );
}

function reportOf({ participantIdentity, state }: CryptorReport): DecryptionReport | undefined {
  if (state === EncryptionState.OK) return { participantIdentity, result: "ok" };
  if (state === EncryptionState.MISSING_KEY) return { participantIdentity, result: "missing-key" };
  return state === EncryptionState.DECRYPTION_FAILED ? { participantIdentity, result: "invalid-key" } : undefined;
}
