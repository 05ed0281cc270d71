// Truth: the members of the call by the events of the server, read in the plainest way. protocol.md 2, 3.
import type { PendingEvent } from "../../src/testing/index.ts";
import type { ServerEvent } from "../../src/testing/virtual-room.ts";
import type { Life } from "./clock.ts";

export interface TrueMember {
  readonly kind: "state" | "sticky";
  readonly userId: string;
  readonly deviceId: string;
  /** The state key, or the sticky key. */
  readonly key: string;
  readonly eventId: string;
  /** When this event was accepted. */
  readonly atMs: number;
  /** When the stay of a state member began, as its event says: undefined if it says nothing, so that the event begins one. */
  readonly saidTs?: number;
  /** When the stay of a state member began, if that is clear. */
  readonly beganTs?: number | undefined;
  /** When it ends, by the clock of the server. */
  readonly untilTs: number;
  /** The page that has sent it. */
  readonly page: Life | undefined;
  /** The users who can read it, if not all. */
  readonly readers?: ReadonlySet<string>;
}

const stateType = "org.matrix.msc3401.call.member";
const stickyType = "org.matrix.msc4143.rtc.member";

type Content = Readonly<Record<string, unknown>>;

export class Truth {
  readonly #entries = new Map<string, TrueMember>();

  /** Takes an event that the server has accepted now. Returns the new member, or undefined. */
  add(event: ServerEvent, atMs: number, page: Life | undefined): TrueMember | undefined {
    const content = (event.content ?? {}) as Content;
    if (event.type === stateType) {
      const key = `state ${event.stateKey}`;
      const member = stateMember(event, content, atMs, page);
      // A renewal that comes after the leave begins a stay for those who saw the leave.
      const isUnclear = member?.saidTs !== undefined && !this.#entries.has(key);
      return this.#put(key, isUnclear ? { ...member, beganTs: undefined } : member);
    }
    if (event.type !== stickyType || !event.sticky) return undefined;
    const key = String(content["msc4354_sticky_key"]);
    return this.#put(`sticky ${event.sender} ${key}`, stickyMember(event, content, key, atMs, page));
  }

  /** The members at a time, by the clock of the server. */
  at(ts: number): TrueMember[] {
    return [...this.#entries.values()].filter(({ untilTs }) => untilTs > ts);
  }

  #put(key: string, member: TrueMember | undefined): TrueMember | undefined {
    if (member) this.#entries.set(key, member);
    else this.#entries.delete(key);
    return member;
  }
}

/** Whether a delayed event of the server will remove a member. */
export const willRemove = ({ event }: PendingEvent, member: TrueMember): boolean =>
  member.kind === "state"
    ? event.stateKey === member.key
    : (event.content as Content)["msc4354_sticky_key"] === member.key && event.stateKey === undefined;

function stateMember(
  event: ServerEvent,
  content: Content,
  atMs: number,
  page: Life | undefined,
): TrueMember | undefined {
  const { device_id: deviceId, expires, created_ts: createdTs = event.originServerTs } = content;
  if (typeof deviceId !== "string") return undefined;
  const untilTs = Number(createdTs) + Number(expires);
  return {
    kind: "state",
    userId: event.sender,
    deviceId,
    key: event.stateKey ?? "",
    eventId: event.eventId,
    atMs,
    untilTs,
    page,
    ...(typeof content["created_ts"] === "number" && { saidTs: content["created_ts"] }),
    beganTs: Number(createdTs),
  };
}

function stickyMember(
  event: ServerEvent,
  content: Content,
  key: string,
  atMs: number,
  page: Life | undefined,
): TrueMember | undefined {
  const member = content["member"] as Content | undefined;
  if (!member || !event.sticky) return undefined;
  const { untilTs, readers } = event.sticky;
  const deviceId = String(member["claimed_device_id"] ?? member["device_id"]);
  const { sender: userId, eventId } = event;
  return { kind: "sticky", userId, deviceId, key, eventId, atMs, untilTs, page, ...(readers && { readers }) };
}

/** Whether events of a type make members. */
export const isMembership = (type: string | undefined): boolean => type === stateType || type === stickyType;
