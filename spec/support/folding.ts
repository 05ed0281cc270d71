// Folding: a fold with its room, to be fed by hand.
import type { Changes } from "../../src/membership/changes.ts";
import { MemberFold } from "../../src/membership/fold.ts";
import type { Rules } from "../../src/membership/eligibility.ts";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { alice, bob, carl, roomCall } from "./contents.ts";

export class Folding {
  readonly fold: MemberFold;
  readonly inRoom = new Set([alice, bob, carl]);
  now = 0;

  constructor(rules: Partial<Rules> = {}) {
    this.fold = new MemberFold({ slot: roomCall, strictSlots: false, ...rules }, (userId) => this.inRoom.has(userId));
  }

  /** Puts events at their state keys and sticky keys, and settles. */
  put(...events: readonly (RoomEvent | StickyEvent)[]): Changes {
    for (const event of events) {
      if ("encryption" in event) this.fold.putSticky(event, this.now);
      else this.fold.putState(event.stateKey ?? "", event, this.now);
    }
    return this.settle();
  }

  settle(now: number = this.now): Changes {
    this.now = now;
    return this.fold.settle(now);
  }

  /** Who is in the call: user and device, and for sticky members the member id. */
  get names(): readonly string[] {
    return this.fold.members.map(({ kind, userId, deviceId, memberId }) => {
      const user = userId.slice(1, userId.indexOf(":"));
      return kind === "sticky" ? `${user}/${deviceId}/${memberId}` : `${user}/${deviceId}`;
    });
  }

  /** Why events are refused: `reason`, `reason path`, `reason until 5`. */
  get reasons(): readonly string[] {
    return this.fold.rejections.map(({ reason, path, untilTs }) =>
      [reason, path, untilTs === undefined ? undefined : `until ${untilTs}`].filter(Boolean).join(" "),
    );
  }
}
