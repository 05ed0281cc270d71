// Peers: one record for each other member of the call, by device. protocol.md 5.4.
import type { Device } from "../matrix.ts";
import type { Decryption, Membership } from "../types.ts";
import { deviceKey } from "./device.ts";
import { type Peer, withStatus } from "./peer.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** How many participants that are no members yet can have a report of the media layer. */
const maxUnknownParticipants = 64;

export class Peers {
  /** A device can be in the call as two members. */
  readonly #byDevice = new Map<string, readonly Peer[]>();
  /** The last report about each participant that is no member yet: the media layer may report only once. */
  readonly #unknownParticipants = new Map<string, Decryption>();
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
  get(member: Membership): Peer | undefined {
    return this.ofDevice(member).find((peer) => peer.member.instance === member.instance);
  }

  ofIdentity(participantIdentity: string): Peer | undefined {
    for (const peer of this.all()) if (peer.member.participantIdentity === participantIdentity) return peer;
    return undefined;
  }

  /** Adds a record, or replaces the one of its instance. */
  set(changed: Peer): void {
    const { member } = changed;
    const before = this.get(member);
    const peer = withStatus(changed, before);
    if (peer.status !== before?.status || peer.keys !== before?.keys) this.#version += 1;
    const peers = this.ofDevice(member);
    const after = before ? peers.map((other) => (other === before ? peer : other)) : [...peers, peer];
    this.#byDevice.set(deviceKey(member), after);
  }

  /** Changes each record of a device. */
  updateDevice(device: Device, change: (peer: Peer) => Peer): void {
    for (const peer of this.ofDevice(device)) this.set(change(peer));
  }

  remove(member: Membership): void {
    const removed = this.get(member);
    if (!removed) return;
    this.#version += 1;
    const rest = this.ofDevice(member).filter((peer) => peer !== removed);
    if (rest.length > 0) this.#byDevice.set(deviceKey(member), rest);
    else this.#byDevice.delete(deviceKey(member));
  }

  /** The member that a key is for: on its device, and with its id where both have one that can be compared. */
  ownerOf(key: VerifiedKey): Peer | undefined {
    const candidates = this.ofDevice(key);
    const exact = candidates.find(({ member }) => member.memberId === key.memberId);
    if (key.isSlotUnknown) return exact?.member.kind === "sticky" ? exact : undefined;
    // The keys of a state member carry another id than its membership event.
    return exact ?? candidates.findLast(({ member }) => member.kind === "state" || key.memberId === undefined);
  }

  /** Keeps a report about a participant that is no member yet. */
  addUnknown(report: Decryption): void {
    this.#unknownParticipants.delete(report.participantIdentity);
    this.#unknownParticipants.set(report.participantIdentity, report);
    const [oldest] = this.#unknownParticipants.keys();
    if (this.#unknownParticipants.size > maxUnknownParticipants && oldest !== undefined)
      this.#unknownParticipants.delete(oldest);
  }

  /** Removes and returns the report about a participant. */
  takeUnknown(participantIdentity: string): Decryption | undefined {
    const report = this.#unknownParticipants.get(participantIdentity);
    this.#unknownParticipants.delete(participantIdentity);
    return report;
  }
}
