// Drawn histories: each letter is an event of a track, each column a minute. Calls are drawn as `[--]`.
import { CallLog } from "../../src/history/call-log.ts";
import type { PastEvent } from "../../src/matrix.ts";

export const minuteMs = 60_000;
export const t0 = 1_790_000_000_000;
export const lastsMs = 8 * minuteMs;

/**
 * The events of two users, and of the slot. A membership lasts for 8 minutes unless it is refreshed. A capital letter is an
 * event that is redacted later.
 *
 * State events: `j` joins, `r` refreshes the last join, `q` refreshes a join three minutes earlier that was not read, `n` joins
 * with another member id, `i` is a join with an intent, `l` leaves, `p` leaves a stay that the event alone knows.
 * Sticky events: `s` joins, `e` leaves. First draft: `d` joins, `f` leaves. The user: `x` leaves the room, `b` comes back.
 * The slot: `o` opens, `c` closes, `k` closes under the stable names.
 */
export interface Drawing {
  readonly alice?: string;
  readonly bob?: string;
  readonly slot?: string;
}

export const slot = "m.call#ROOM";
const stateType = "org.matrix.msc3401.call.member";
const application = { type: "m.call" };

/** The events of a drawing, oldest first. */
export function eventsIn({ alice = "", bob = "", slot: slotTrack = "" }: Drawing): readonly PastEvent[] {
  const events = [
    ...userEvents("@alice:example.org", alice),
    ...userEvents("@bob:example.org", bob),
    ...slotEvents(slotTrack),
  ];
  return events.toSorted((a, b) => a.originServerTs - b.originServerTs);
}

/** The ids of the events that are redacted later. */
export const redactedIn = (drawing: Drawing): readonly string[] =>
  eventsIn(drawing).flatMap(({ eventId }) => (/^[A-Z]/.test(eventId) ? [eventId] : []));

export const logOf = (drawing: Drawing, only?: string): CallLog => {
  const log = new CallLog(only);
  for (const event of eventsIn(drawing)) log.put(event);
  return log;
};

/** Draws times. */
export function draw(intervals: readonly { readonly startTs: number; readonly endTs: number }[]): string {
  const columns: string[] = [];
  for (const { startTs, endTs } of intervals) {
    const [from, until] = [(startTs - t0) / minuteMs, (endTs - t0) / minuteMs];
    while (columns.length < from) columns.push(" ");
    for (let column = from + 1; column < until; column += 1) columns[column] = "-";
    columns[from] = "[";
    columns[until] = "]";
  }
  return columns.join("");
}

export const drawn = (line: string): string => line.trimEnd();

function* letters(track: string): Generator<readonly [string, number]> {
  for (const [column, letter] of [...track].entries())
    if (/[a-zA-Z]/.test(letter)) yield [letter, t0 + column * minuteMs];
}

function userEvents(sender: string, track: string): readonly PastEvent[] {
  let joinedTs = 0;
  return Array.from(letters(track), ([letter, originServerTs]): PastEvent => {
    // Ids do not sort as times do.
    const eventId = `${letter} ${sender} ${originServerTs}`;
    const event = { sender, eventId, originServerTs, encryption: "cleartext" } as const;
    const state = (content: object, more: Partial<PastEvent> = {}): PastEvent => {
      return { ...event, type: stateType, stateKey: `_${sender}_P_m.call`, content, ...more };
    };
    const sticky = (content: object): PastEvent => {
      const type = "org.matrix.msc4143.rtc.member";
      return { ...event, type, content: { slot_id: slot, sticky_key: "one", ...content }, durationMs: lastsMs };
    };
    const draft = (content: object): PastEvent => {
      return { ...event, type: "m.rtc.member", stateKey: JSON.stringify([sender, "P"]), content };
    };
    const joined = (sinceTs?: number, more: object = {}) => ({
      application: "m.call",
      call_id: "",
      device_id: "P",
      focus_active: { type: "livekit" },
      expires: lastsMs + originServerTs - (sinceTs ?? originServerTs),
      ...(sinceTs !== undefined && { created_ts: sinceTs }),
      ...more,
    });
    const earlierTs = originServerTs - 3 * minuteMs;
    switch (letter.toLowerCase()) {
      case "j":
        joinedTs = originServerTs;
        return state(joined());
      case "r":
        return state(joined(joinedTs));
      case "q":
        return state(joined(earlierTs));
      case "n":
        return state(joined(joinedTs, { membershipID: "another" }));
      case "i":
        return state(joined(joinedTs, { "m.call.intent": "video" }));
      case "p":
        return state({}, { unsigned: { prev_content: joined(earlierTs) } });
      case "s":
        return sticky({ application, member: { id: "one", user_id: sender, device_id: "P" } });
      case "e":
        return sticky({});
      case "d":
        return draft({ "m.application": "m.call", "m.call_id": "" });
      case "f":
        return draft({});
      case "x":
      case "b": {
        const membership = letter === "x" ? "leave" : "join";
        return { ...event, type: "m.room.member", stateKey: sender, content: { membership } };
      }
      default:
        return state({});
    }
  });
}

const slotEvents = (track: string): readonly PastEvent[] =>
  Array.from(letters(track), ([letter, originServerTs]): PastEvent => {
    const [type, stateKey] = letter === "k" ? ["m.rtc.slot", "m.call#room"] : ["org.matrix.msc4143.rtc.slot", slot];
    const content = letter === "o" ? { status: "open", application } : { status: "closed" };
    const eventId = `slot ${originServerTs}`;
    return { type, stateKey, content, originServerTs, eventId, sender: "@admin:example.org", encryption: "cleartext" };
  });
