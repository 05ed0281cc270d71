// CallMembership: a member of a call as matrix-js-sdk's class of that name shows it. protocol.md 2.1, 2.4, 6.3.
import { asyncScheduler } from "rxjs";
import { names, stateMemberType } from "../room/names.ts";
import { isDeepEqual } from "./deep-equal.ts";
import {
  checkRtcMembershipData,
  checkSessionsMembershipData,
  rtcIdentity,
  type RtcMembershipData,
  type SessionMembershipData,
} from "./membership-content.ts";
import type { LimitedEvent, RTCCallIntent, SlotDescription, Transport } from "./original-types.ts";
import { computeSlotId, slotIdToDescription } from "./slot-description.ts";

/** How long a state membership lasts that does not say so: 4 hours, in milliseconds. */
export const DEFAULT_EXPIRE_DURATION: number = 4 * 3_600_000;

/** The content of a membership. `rtc`: a sticky event has it. `session`: a state event has it. */
export type MembershipData =
  | { readonly kind: "rtc"; readonly data: RtcMembershipData }
  | { readonly kind: "session"; readonly data: SessionMembershipData };

/** The fields of a state membership that are not the application's. */
const sessionFields: ReadonlySet<string> = new Set([
  "application",
  "call_id",
  "device_id",
  "focus_active",
  "foci_preferred",
  "created_ts",
  "scope",
  "expires",
  "m.call.intent",
  "membershipID",
]);

/**
 * A member of a call, as the names of matrix-js-sdk show it. In streams it is a `Membership` of `session.membership$`.
 *
 * @example
 * ```ts
 * import { CallMembership } from "matrixrtc-rx/compat";
 *
 * const content = {
 *   application: "m.call",
 *   call_id: "",
 *   device_id: "PHONE",
 *   focus_active: { type: "livekit", focus_selection: "multi_sfu" },
 *   foci_preferred: [{ type: "livekit", livekit_service_url: "https://sfu.example.org" }],
 * };
 * const member = await CallMembership.parseFromEvent({
 *   getId: () => "$event",
 *   getSender: () => "@alice:example.org",
 *   getTs: () => 1_000,
 *   getType: () => "org.matrix.msc3401.call.member",
 *   getContent: <T>() => content as T,
 * });
 * console.assert(member.slotId === "m.call#ROOM" && member.rtcBackendIdentity === "@alice:example.org:PHONE");
 * ```
 */
export class CallMembership {
  /** The identity under which the member publishes at a LiveKit server. */
  readonly rtcBackendIdentity: string;
  /** The event of the membership. */
  readonly matrixEvent: LimitedEvent;
  readonly #membership: MembershipData;
  readonly #eventId: string;
  readonly #sender: string;

  /**
   * Reads the content of an event.
   *
   * @throws Error if the content is no membership.
   */
  static membershipDataFromMatrixEvent(matrixEvent: LimitedEvent): MembershipData {
    const sender = matrixEvent.getSender();
    const type = matrixEvent.getType();
    const data: object = matrixEvent.getContent();
    if (sender === undefined) throw new Error("matrixEvent is missing sender field");
    if (type === names.deployed.stickyMember && checkRtcMembershipData(data, sender)) return { kind: "rtc", data };
    if (type === stateMemberType && checkSessionsMembershipData(data)) return { kind: "session", data };
    throw new Error(`'${type} is not a known call membership type`);
  }

  /**
   * Makes a member of an event.
   *
   * @throws Error if its content is no membership.
   */
  static async parseFromEvent(matrixEvent: LimitedEvent): Promise<CallMembership> {
    return CallMembership.of(matrixEvent);
  }

  /**
   * The same as `parseFromEvent`, at once.
   *
   * @throws Error if the content of the event is no membership.
   */
  static of(matrixEvent: LimitedEvent): CallMembership {
    const membership = CallMembership.membershipDataFromMatrixEvent(matrixEvent);
    const { kind, data } = membership;
    const identity =
      kind === "rtc"
        ? rtcIdentity(data.member.user_id, data.member.device_id, data.member.id)
        : `${matrixEvent.getSender()}:${data.device_id}`;
    return new CallMembership(matrixEvent, membership, identity);
  }

  /** Whether two members say the same. */
  static equal(a?: CallMembership, b?: CallMembership): boolean {
    return a === b || isDeepEqual(CallMembership.#dataOf(a), CallMembership.#dataOf(b));
  }

  /** The data of a member. Tests make members of their own, without any. */
  static #dataOf(member: CallMembership | undefined): unknown {
    return member && #membership in member ? member.#membership : member;
  }

  /**
   * @param membershipData The content of the event, as `membershipDataFromMatrixEvent` returns it.
   * @throws Error if the event has no id or no sender.
   */
  constructor(matrixEvent: LimitedEvent, membershipData: MembershipData, rtcBackendIdentity: string) {
    const eventId = matrixEvent.getId();
    const sender = matrixEvent.getSender();
    if (eventId === undefined) throw new Error("parentEvent is missing eventId field");
    if (sender === undefined) throw new Error("parentEvent is missing sender field");
    this.matrixEvent = matrixEvent;
    this.#membership = membershipData;
    this.rtcBackendIdentity = rtcBackendIdentity;
    this.#eventId = eventId;
    this.#sender = sender;
  }

  /** How the membership travels: in a sticky event (`rtc`) or a state event (`session`). */
  get kind(): "rtc" | "session" {
    return this.#membership.kind;
  }

  /** The user id. Use `userId`. */
  get sender(): string {
    return this.userId;
  }

  /** The user id. */
  get userId(): string {
    const { kind, data } = this.#membership;
    return kind === "rtc" ? data.member.user_id : this.#sender;
  }

  /** The id of the event. */
  get eventId(): string {
    return this.#eventId;
  }

  /** The device id. */
  get deviceId(): string {
    const { kind, data } = this.#membership;
    return kind === "rtc" ? data.member.device_id : data.device_id;
  }

  /** The id of the member: its own in a sticky event, `membershipID` or `user:device` in a state event. */
  get memberId(): string {
    const { kind, data } = this.#membership;
    return kind === "rtc" ? data.member.id : (data.membershipID ?? `${this.#sender}:${data.device_id}`);
  }

  /** The name of `memberId` until 2025. */
  get membershipID(): string {
    return this.memberId;
  }

  /** The slot id. The call id `""` of the application `m.call` is `ROOM`, as its newer name is. */
  get slotId(): string {
    const { kind, data } = this.#membership;
    if (kind === "rtc") return data.slot_id;
    const { application, call_id: id } = data;
    return computeSlotId({ application, id: application === "m.call" && id === "" ? "ROOM" : id });
  }

  /** The slot in two parts. */
  get slotDescription(): SlotDescription {
    const { kind, data } = this.#membership;
    if (kind === "session") return slotIdToDescription(this.slotId);
    const { type } = data.application;
    return { application: type, id: data.slot_id.slice(type.length + 1) };
  }

  /** The call id of a state membership as its event has it, or else the id of the slot. */
  get callId(): string {
    const { kind, data } = this.#membership;
    return kind === "session" ? data.call_id : this.slotDescription.id;
  }

  /** The application type. */
  get application(): string {
    return this.applicationData.type;
  }

  /** The data of the application. */
  get applicationData(): { type: string; [key: string]: unknown } {
    const { kind, data } = this.#membership;
    if (kind === "rtc") return data.application;
    const ofApplication = Object.entries(data).filter(([key]) => !sessionFields.has(key));
    return {
      ...Object.fromEntries(ofApplication),
      type: data.application,
      "m.call.intent": data["m.call.intent"],
    };
  }

  /** The intended kind of call. Undefined if the member does not say. */
  get callIntent(): RTCCallIntent | undefined {
    const intent = this.applicationData["m.call.intent"];
    return typeof intent === "string" ? intent : undefined;
  }

  /** `m.room` or `m.user`. Only a state membership has it. */
  get scope(): SessionMembershipData["scope"] | undefined {
    const { kind, data } = this.#membership;
    return kind === "session" ? data.scope : undefined;
  }

  /** When the member joined, by the clock of its server. For a sticky member: the time of its event. */
  createdTs(): number {
    const { kind, data } = this.#membership;
    return (kind === "session" ? data.created_ts : undefined) ?? this.matrixEvent.getTs();
  }

  /** When the membership ends unless it is renewed. Undefined for a sticky member. */
  getAbsoluteExpiry(): number | undefined {
    const { kind, data } = this.#membership;
    return kind === "session" ? this.createdTs() + (data.expires ?? DEFAULT_EXPIRE_DURATION) : undefined;
  }

  /** The milliseconds until then, by our own clock. */
  getMsUntilExpiry(): number | undefined {
    const expiresTs = this.getAbsoluteExpiry();
    return expiresTs ? expiresTs - asyncScheduler.now() : undefined;
  }

  /** Whether the membership has ended. A sticky member never does by itself. */
  isExpired(): boolean {
    const { kind } = this.#membership;
    return kind === "session" && (this.getMsUntilExpiry() ?? Infinity) <= 0;
  }

  /**
   * The transport that the member publishes on: its own, or that of the oldest member if it says so.
   *
   * @param oldestMembership The oldest member of the call.
   */
  getTransport(oldestMembership?: CallMembership): Transport | undefined {
    const { kind, data } = this.#membership;
    if (kind === "rtc") return data.transports.published[0];
    switch (data.focus_active.focus_selection) {
      case "multi_sfu":
        return data.foci_preferred[0];
      case "oldest_membership":
        if (CallMembership.equal(this, oldestMembership)) return data.foci_preferred[0];
        return oldestMembership?.getTransport(oldestMembership);
      default:
        return undefined;
    }
  }

  /** The transports that the member names. */
  get transports(): Transport[] {
    const { kind, data } = this.#membership;
    return kind === "rtc" ? data.transports.published : data.foci_preferred;
  }

  /** The name of `transports` until 2025. */
  getPreferredFoci(): Transport[] {
    return this.transports;
  }

  /** How a state member selects its transport. Undefined for a sticky member. */
  getFocusActive(): SessionMembershipData["focus_active"] | undefined {
    const { kind, data } = this.#membership;
    return kind === "session" ? data.focus_active : undefined;
  }

  /** The name of the selection: `oldest_membership` or `multi_sfu`. Undefined for a sticky member. */
  getFocusSelection(): string | undefined {
    return this.getFocusActive()?.focus_selection;
  }
}

/** Whether a member is this device. */
export const isMyMembership = (
  member: Pick<CallMembership, "sender" | "deviceId">,
  userId: string,
  deviceId: string,
): boolean => member.sender === userId && member.deviceId === deviceId;
