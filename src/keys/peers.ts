// Peers: one record for each other member of the call. protocol.md 5.4.
import type { Device } from "../matrix.ts";
import type { Decryption, Membership } from "../types.ts";
import { deviceKey } from "./device.ts";
import type { MemberEncryption } from "./encryption-status.ts";
import { type Peer, statusOf } from "./peer.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** How many participants that are no members yet may have a report of the media layer. */
const maxUnknownParticipants = 64;

export class Peers {
  /** By instance, so that a key of an earlier membership never counts for a new one. */
  readonly #peers = new Map<string, Peer>();
  /** A status that does not change stays the same object. */
  readonly #statuses = new Map<string, MemberEncryption>();
  /** The instances of each device, and of each LiveKit identity. */
  readonly #byDevice = new Map<string, ReadonlySet<string>>();
  readonly #byIdentity = new Map<string, string>();
  /** The last report about each participant that is no member yet: the media layer may report only once. */
  readonly #unknownParticipants = new Map<string, Decryption>();
  #version = 0;

  /** Changes with each change of a key or status. */
  get version(): number {
    return this.#version;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get({ instance }: Pick<Membership, "instance">): Peer | undefined {
    return this.#peers.get(instance);
  }

  ofDevice(device: Device): readonly Peer[] {
    return [...(this.#byDevice.get(deviceKey(device)) ?? [])].flatMap((instance) => this.#peers.get(instance) ?? []);
  }

  ofIdentity(participantIdentity: string): Peer | undefined {
    return this.#peers.get(this.#byIdentity.get(participantIdentity) ?? "");
  }

  statusOf({ instance }: Pick<Membership, "instance">): MemberEncryption | undefined {
    return this.#statuses.get(instance);
  }

  /** Adds a record, or replaces the one of its member. */
  set(peer: Peer): void {
    const { member } = peer;
    const before = this.#peers.get(member.instance);
    if (before === peer) return;
    this.#peers.set(member.instance, peer);
    const status = statusOf(peer);
    const isSameStatus = JSON.stringify(status) === JSON.stringify(this.#statuses.get(member.instance));
    if (!isSameStatus) this.#statuses.set(member.instance, status);
    if (!isSameStatus || peer.keys !== before?.keys) this.#version += 1;
    if (before) return;
    const id = deviceKey(member);
    this.#byDevice.set(id, new Set([...(this.#byDevice.get(id) ?? []), member.instance]));
    this.#byIdentity.set(member.participantIdentity, member.instance);
  }

  /** Changes each record of a device. */
  updateDevice(device: Device, change: (peer: Peer) => Peer): void {
    for (const peer of this.ofDevice(device)) this.set(change(peer));
  }

  remove({ instance, participantIdentity, ...device }: Membership): void {
    if (!this.#peers.delete(instance)) return;
    this.#statuses.delete(instance);
    this.#version += 1;
    const id = deviceKey(device);
    const rest = [...(this.#byDevice.get(id) ?? [])].filter((other) => other !== instance);
    if (rest.length > 0) this.#byDevice.set(id, new Set(rest));
    else this.#byDevice.delete(id);
    if (this.#byIdentity.get(participantIdentity) === instance) this.#byIdentity.delete(participantIdentity);
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
