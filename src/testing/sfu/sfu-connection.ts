// SfuConnection: one participant of the virtual SFU: its keys, what it can decrypt, and what it reports. protocol.md 6.6.
import { Subscription } from "rxjs";
import type { EncryptedSession } from "../../encryption/encrypted-session.ts";
import type { DecryptionReport, EncryptionKey } from "../../types.ts";
import type { Agenda } from "../time/agenda.ts";
import type { VirtualDevice } from "../virtual-device.ts";

/** What one participant sees of another. `no-media`: it sends nothing, because it has no key yet. */
export type Picture = DecryptionReport["result"] | "no-media";

/** What a participant has reported about another one, and what it will report. */
interface Watch {
  told: string;
  next: { readonly words: string; readonly cancel: () => void } | undefined;
}

export class SfuConnection {
  readonly device: VirtualDevice;
  readonly session: EncryptedSession;
  readonly participantIdentity: string;
  readonly #isEncrypted: boolean;
  readonly #subscription = new Subscription();
  /** The key that it encrypts with. */
  #own: EncryptionKey | undefined;
  /** Keys of others, by participant and index. */
  readonly #keys = new Map<string, Map<number, Uint8Array>>();
  readonly #watches = new Map<string, Watch>();

  constructor(device: VirtualDevice, session: EncryptedSession, participantIdentity: string, isEncrypted: boolean) {
    this.device = device;
    this.session = session;
    this.participantIdentity = participantIdentity;
    this.#isEncrypted = isEncrypted;
  }

  /** Whether its media gets through. */
  get isLive(): boolean {
    return this.device.status === "awake" && this.device.condition.connection === "online";
  }

  /** Whether both are in one LiveKit room. */
  meets({ session: { roomId, slot }, isLive }: SfuConnection): boolean {
    return this.isLive && isLive && this.session.roomId === roomId && this.session.slot === slot;
  }

  /** Installs the keys of its session from now on. `onChange` is called after each. */
  follow(onChange: () => void): void {
    this.#subscription.add(
      this.session.encryptionKey$.subscribe((encryptionKey) => {
        this.#install(encryptionKey);
        onChange();
      }),
    );
  }

  end(): void {
    this.#subscription.unsubscribe();
    for (const identity of this.#watches.keys()) this.forget(identity);
  }

  /** A participant has gone. */
  forget(participantIdentity: string): void {
    this.#watches.get(participantIdentity)?.next?.cancel();
    this.#watches.delete(participantIdentity);
  }

  /** How it sees another participant. Undefined: not at all. */
  pictureOf(from: SfuConnection): Picture | undefined {
    if (from === this || !this.meets(from)) return undefined;
    if (!from.#isEncrypted) return "ok";
    const own = from.#own;
    if (!own) return "no-media";
    const key = this.#keys.get(from.participantIdentity)?.get(own.keyIndex);
    if (!key) return "missing-key";
    return key.length === own.key.length && key.every((byte, at) => byte === own.key[at]) ? "ok" : "invalid-key";
  }

  /** Reports a change of what it can decrypt of a participant, once, when it notices. */
  watch(from: SfuConnection, agenda: Agenda, noticeMs: Readonly<Record<DecryptionReport["result"], number>>): void {
    const { participantIdentity } = from;
    const watch = this.#watches.get(participantIdentity) ?? { told: "ok", next: undefined };
    this.#watches.set(participantIdentity, watch);
    const result = this.pictureOf(from);
    const keyIndex = from.#own?.keyIndex;
    const words = result === undefined || result === "no-media" || result === "ok" ? result : `${result} ${keyIndex}`;
    if (words === watch.next?.words) return;
    watch.next?.cancel();
    watch.next = undefined;
    if (words === undefined || result === undefined || result === "no-media" || words === watch.told) return;
    const tell = () => {
      watch.told = words;
      watch.next = undefined;
      if (this.device.status !== "awake") return;
      const report = { participantIdentity, result, ...(keyIndex !== undefined && { keyIndex }) };
      this.device.run(() => this.session.decryption.next(report));
    };
    watch.next = { words, cancel: agenda.in(noticeMs[result], tell) };
  }

  #install(encryptionKey: EncryptionKey): void {
    const { own, participantIdentity, keyIndex, key } = encryptionKey;
    if (own) {
      this.#own = encryptionKey;
      return;
    }
    const ofParticipant = this.#keys.get(participantIdentity) ?? new Map<number, Uint8Array>();
    this.#keys.set(participantIdentity, ofParticipant.set(keyIndex, key));
  }
}
