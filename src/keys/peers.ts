// Peers: one record for each other member of the call, by device. protocol.md 5.4.
import type { Device } from "../matrix.ts";
import { setNewest } from "../rx/stable.ts";
import type { DecryptionReport } from "../types.ts";
import { type CallMember, deviceKey } from "./device.ts";
import { type Peer, withStatus } from "./peer.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** How many identities that are no members are remembered: a LiveKit room does not have more participants. */
const maxIdentities = 1_000;

export class Peers {
  /** A device can be in the call as two members. */
  readonly #byDevice = new Map<string, readonly Peer[]>();
  readonly #byIdentity = new Map<string, Peer>();
  /** The last report about each participant that is no member yet: the media layer may report only once. */
  readonly #unknownParticipants = new Map<string, DecryptionReport>();
  /** The key indexes that each LiveKit identity used in stays that are over. */
  readonly #earlierIndexes = new Map<string, readonly number[]>();
  #version = 0;

  /** Changes with each change of a key or status. */
  get version(): number {
    return this.#version;
  }

  *all(): Iterable<Peer> {
    for (const peers of this.#byDevice.values()) yield* peers;
  }

  ofDevice(device: Device): readonly Peer[] {
    return this.#byDevice.get(deviceKey(device)) ?? [];
  }

  /** The record of an instance, so that a key of an earlier membership never counts for a new one. */
  get(member: CallMember): Peer | undefined {
    return this.ofDevice(member).find((peer) => peer.member.instance === member.instance);
  }

  ofIdentity(participantIdentity: string): Peer | undefined {
    return this.#byIdentity.get(participantIdentity);
  }

  /** Adds a record, or replaces the one of its instance. */
  set(changed: Peer): void {
    const { member } = changed;
    const before = this.get(member);
    if (changed === before) return;
    const peer = withStatus(changed, before);
    if (peer.status !== before?.status || peer.keys !== before?.keys) this.#version += 1;
    const peers = this.ofDevice(member);
    const after = before ? peers.map((other) => (other === before ? peer : other)) : [...peers, peer];
    this.#byDevice.set(deviceKey(member), after);
    this.#byIdentity.set(member.participantIdentity, peer);
  }

  /** Changes each record of a device. */
  updateDevice(device: Device, change: (peer: Peer) => Peer): void {
    for (const peer of this.ofDevice(device)) this.set(change(peer));
  }

  /** Removes a record. Its key indexes are remembered for the next stay of its LiveKit identity. */
  remove(removed: Peer): void {
    const { member } = removed;
    this.#version += 1;
    const indexes = [...removed.earlierIndexes, ...removed.keys.map(({ key }) => key.keyIndex)];
    if (indexes.length > 0)
      setNewest(this.#earlierIndexes, member.participantIdentity, [...new Set(indexes)], maxIdentities);
    if (this.ofIdentity(member.participantIdentity) === removed) this.#byIdentity.delete(member.participantIdentity);
    const rest = this.ofDevice(member).filter((peer) => peer !== removed);
    if (rest.length > 0) this.#byDevice.set(deviceKey(member), rest);
    else this.#byDevice.delete(deviceKey(member));
  }

  /** The member of this device that a key is for. The id must match, except for state members and messages without an id. */
  ownerOf(key: VerifiedKey): Peer | undefined {
    const candidates = this.ofDevice(key);
    const exact = candidates.find(({ member }) => member.memberId === key.memberId);
    if (key.isSlotUnknown) return exact?.member.kind === "sticky" ? exact : undefined;
    // The keys of a state member carry another id than its membership event.
    return exact ?? candidates.findLast(({ member }) => member.kind === "state" || key.memberId === undefined);
  }

  /** The key indexes that a LiveKit identity used in stays that are over. */
  earlierIndexesOf(participantIdentity: string): readonly number[] {
    return this.#earlierIndexes.get(participantIdentity) ?? [];
  }

  /** Keeps a report about a participant that is no member yet. */
  addUnknown(report: DecryptionReport): void {
    if (report.result === "ok") this.#unknownParticipants.delete(report.participantIdentity);
    else setNewest(this.#unknownParticipants, report.participantIdentity, report, maxIdentities);
  }

  /** Whether the media layer reports about any participant that is no member yet. */
  get hasUnknowns(): boolean {
    return this.#unknownParticipants.size > 0;
  }

  /** Whether the media layer reports about a participant that is no member yet. */
  hasUnknown(participantIdentity: string): boolean {
    return this.#unknownParticipants.has(participantIdentity);
  }

  /** Removes and returns the report about a participant. */
  takeUnknown(participantIdentity: string): DecryptionReport | undefined {
    const report = this.#unknownParticipants.get(participantIdentity);
    this.#unknownParticipants.delete(participantIdentity);
    return report;
  }
}
