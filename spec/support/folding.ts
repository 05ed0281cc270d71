// Folding: a fold that a spec feeds by hand, and the events to feed it.
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import type { Changes } from "../../src/membership/changes.ts";
import type { ReadingRules } from "../../src/membership/eligibility.ts";
import { FirstReads } from "../../src/membership/first-reads.ts";
import { MemberFold } from "../../src/membership/fold.ts";
import {
  alice,
  bob,
  carl,
  type Content,
  roomCall,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
} from "./contents.ts";

/** A state join. */
export const stateJoin = (content: Content = {}, event: Partial<RoomEvent> = {}) =>
  stateEvent(stateContent(content), event);

/** A sticky join of member `id`, at the sticky key of the same name. */
export const stickyJoin = (
  id = "one",
  event: Partial<StickyEvent> = {},
  { device = "PHONE", ...content }: Content = {},
) =>
  stickyEvent(
    stickyContent({
      member: { id, user_id: event.sender ?? alice, device_id: device },
      sticky_key: id,
      msc4354_sticky_key: id,
      ...content,
    }),
    event,
  );

export class Folding {
  readonly fold: MemberFold;
  readonly inRoom = new Set([alice, bob, carl]);
  now = 0;

  constructor(rules: Partial<ReadingRules> = {}) {
    const presenceOf = (userId: string) => (this.inRoom.has(userId) ? "in-room" : "not-in-room");
    this.fold = new MemberFold(
      { slot: roomCall, strictSlots: false, requireSlotEncryption: false, ...rules },
      presenceOf,
      new FirstReads(),
    );
  }

  /** Puts events at their state keys and sticky keys, and takes a step. */
  put(...events: readonly (RoomEvent | StickyEvent)[]): Changes {
    for (const event of events) {
      if ("encryption" in event) this.fold.events.putSticky(event, this.now);
      else this.fold.events.putState(event.stateKey ?? "", event, { readTs: this.now });
    }
    return this.step();
  }

  step(now: number = this.now): Changes {
    this.now = now;
    this.fold.events.expire(now);
    return this.fold.recompute();
  }

  /** The members: user and device, and for sticky members the member id. */
  get names(): readonly string[] {
    return this.fold.members.map(({ kind, userId, deviceId, memberId }) => {
      const user = userId.slice(1, userId.indexOf(":"));
      return kind === "sticky" ? `${user}/${deviceId}/${memberId}` : `${user}/${deviceId}`;
    });
  }

  /** The rejections: `reason`, `reason path`, `reason until 5`. */
  get reasons(): readonly string[] {
    return this.fold.rejections.map(({ reason, path, untilTs }) =>
      [reason, path, untilTs === undefined ? undefined : `until ${untilTs}`].filter(Boolean).join(" "),
    );
  }
}
