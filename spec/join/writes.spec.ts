// Writes: what each event of our membership says of its time, and when it is written. protocol.md 3.1, 4.2, 4.4.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";
import { own } from "./steps.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
type Row = [string, Setting, (call: Chronicle) => Chronicle, string[]];

describe("An event of our membership", () => {
  const lasting = (call: Chronicle) =>
    call
      .join(1_000)
      .intent("audio")
      .until(2.5 * hourMs);
  it.each<Row>([
    [
      "of the state lasts four hours from now, however long we are in the call",
      {},
      lasting,
      [
        "0 join for 14400000 after 0",
        "1000 update for 14400000 after 1000, since 0",
        "3301000 refresh for 14400000 after 3301000, since 0",
        "6601000 refresh for 14400000 after 6601000, since 0",
      ],
    ],
    [
      "of the state lasts longer at a renewal, if the options say so",
      { timing: { renewalExtraMs: 60_000 } },
      lasting,
      [
        "0 join for 14400000 after 0",
        "1000 update for 14400000 after 1000, since 0",
        "3301000 refresh for 14460000 after 3301000, since 0",
        "6601000 refresh for 14460000 after 6601000, since 0",
      ],
    ],
    [
      "of the state lasts as long as the options say",
      { timing: { expiryMs: 5_400_000 } },
      lasting,
      [
        "0 join for 5400000 after 0",
        "1000 update for 5400000 after 1000, since 0",
        "3301000 refresh for 5400000 after 3301000, since 0",
        "6601000 refresh for 5400000 after 6601000, since 0",
      ],
    ],
    [
      "of the state is renewed when half of its time is over, at the latest",
      { timing: { expiryMs: 60_000, expiryHeadroomMs: 50_000 } },
      (call) => call.join(61_000),
      [
        "0 join for 60000 after 0",
        "30000 refresh for 60000 after 30000, since 0",
        "60000 refresh for 60000 after 60000, since 0",
      ],
    ],
    [
      "of the state lasts ten minutes without a delayed leave",
      after(0, { schedule: "unsupported" }),
      (call) => call.join(1_000).intent("audio").until(700_000),
      [
        "0 join for 600000 after 0",
        "1000 update for 600000 after 1000, since 0",
        "301000 refresh for 600000 after 301000, since 0",
        "601000 refresh for 600000 after 601000, since 0",
      ],
    ],
    [
      "of the state lasts shorter as soon as the delayed leave is given up",
      after(0, { restart: "unsupported" }),
      (call) => call.join(1_000),
      ["0 join for 14400000 after 0", "0 refresh for 600000 after 0, since 0"],
    ],
    [
      "that is sticky lasts an hour",
      { kind: "sticky" },
      lasting,
      [
        "0 join for 3600000 after 0",
        "1000 update for 3600000 after 1000, since 0",
        "3301000 refresh for 3600000 after 3301000, since 0",
        "6601000 refresh for 3600000 after 6601000, since 0",
      ],
    ],
    [
      "that is sticky lasts no longer at a renewal",
      { kind: "sticky", timing: { renewalExtraMs: 60_000 } },
      lasting,
      [
        "0 join for 3600000 after 0",
        "1000 update for 3600000 after 1000, since 0",
        "3301000 refresh for 3600000 after 3301000, since 0",
        "6601000 refresh for 3600000 after 6601000, since 0",
      ],
    ],
    [
      "that is sticky lasts shorter without a delayed leave, if the options say so",
      { kind: "sticky", timing: { unprotectedExpiryMs: 600_000 }, ...after(0, { schedule: "unsupported" }) },
      (call) => call.join(600_000),
      [
        "0 join for 600000 after 0",
        "300000 refresh for 600000 after 300000, since 0",
        "600000 refresh for 600000 after 600000, since 0",
      ],
    ],
    [
      "that is sticky lasts an hour at most without a delayed leave",
      { kind: "sticky", timing: { unprotectedExpiryMs: dayMs }, ...after(0, { schedule: "unsupported" }) },
      (call) => call.join(600_000),
      ["0 join for 3600000 after 0"],
    ],
    [
      "that is sticky keeps its duration when the delayed leave is given up",
      { kind: "sticky", timing: { unprotectedExpiryMs: 600_000 }, ...after(0, { restart: "unsupported" }) },
      (call) => call.join(1_000).intent("audio").until(hourMs),
      [
        "0 join for 3600000 after 0",
        "1000 update for 3600000 after 1000, since 0",
        "3301000 refresh for 3600000 after 3301000, since 0",
      ],
    ],
    [
      "that is sticky and has no delayed leave keeps its duration when there is one again",
      {
        kind: "sticky",
        timing: { unprotectedExpiryMs: 7_200_000 },
        reply: ({ kind }, ts) => (kind === "schedule" && ts < 600_000 ? "forbidden" : undefined),
      },
      (call) => call.join(700_000).intent("audio").until(800_000),
      ["0 join for 3600000 after 0", "700000 update for 3600000 after 700000, since 0"],
    ],
  ])("%s", (_, setting, act, expected) => {
    expect(act(new Chronicle(setting)).writes).toEqual(expected);
  });
});

describe("The time since when we are in the call, as our events say,", () => {
  const shownAt = (createdTs: number, eventId = "$2") => ({ own: { ...own, eventId, createdTs } });
  it.each<Row>([
    [
      "is when the room says that we joined",
      { shows: false },
      (call) => call.join(1_000).shows(shownAt(40)).intent("audio"),
      ["0 join for 14400000 after 0", "1000 update for 14400000 after 1000, since 40"],
    ],
    [
      "is not known before the room has shown us: a change waits",
      { shows: false },
      (call) => call.join(1_000).intent("audio").until(4_000).shows(shownAt(40)).until(5_000),
      ["0 join for 14400000 after 0", "4000 update for 14400000 after 4000, since 40"],
    ],
    [
      "is when we joined by our clock, if the room has not shown us for ten seconds",
      { shows: false },
      (call) => call.join(1_000).intent("audio").until(20_000),
      ["0 join for 14400000 after 0", "10000 update for 14400000 after 10000, since 0"],
    ],
    [
      "is kept when readers begin to ignore it, after a day",
      {},
      (call) =>
        call
          .join(1_000)
          .shows(shownAt(dayMs + 1))
          .intent("audio"),
      ["0 join for 14400000 after 0", "1000 update for 14400000 after 1000, since 0"],
    ],
    [
      "is what the room says for a day",
      {},
      (call) => call.join(1_000).shows(shownAt(dayMs)).intent("audio"),
      ["0 join for 14400000 after 0", "1000 update for 14400000 after 1000, since 86400000"],
    ],
    [
      "is a millisecond later when others have to send their keys again",
      {},
      (call) => call.join(1_000).input({ kind: "keys-unanswered" }).until(2_000).input({ kind: "keys-unanswered" }),
      [
        "0 join for 14400000 after 0",
        "1000 keys-unanswered for 14400000 after 1000, since 1, at first 0",
        "2000 keys-unanswered for 14400000 after 2000, since 2, at first 0",
      ],
    ],
    [
      "is a millisecond later than what was kept, after a day",
      {},
      (call) =>
        call
          .join(1_000)
          .shows(shownAt(dayMs + 1))
          .input({ kind: "keys-unanswered" }),
      ["0 join for 14400000 after 0", "1000 keys-unanswered for 14400000 after 1000, since 1, at first 0"],
    ],
    [
      "stays when keys do not come before the room has shown us",
      { shows: false },
      (call) => call.join(1_000).input({ kind: "keys-unanswered" }).until(20_000),
      ["0 join for 14400000 after 0"],
    ],
    [
      "begins again when we join again",
      {},
      (call) => call.join(1_000).shows("nothing").until(2_000).intent("audio"),
      [
        "0 join for 14400000 after 0",
        "1000 rejoin for 14400000 after 0",
        "2000 update for 14400000 after 1000, since 1000",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    expect(act(new Chronicle(setting)).writes).toEqual(expected);
  });
});

describe("Our membership is written", () => {
  /** A change every ten milliseconds. */
  const changing = (call: Chronicle, count: number): Chronicle => {
    for (let index = 0; index < count; index += 1) call.until(call.now + 10).intent(`${index}`);
    return call;
  };
  const times = (call: Chronicle) => call.log.filter((line) => /^\d+ write /.test(line));
  it.each<Row>([
    [
      "ten times at once for changes, and then once in thirty seconds",
      {},
      (call) => changing(changing(call.join(1_000), 12).until(40_000), 2).until(70_000),
      [
        "0 write join of 0 #3",
        "1010 write update of 0 #5",
        "1020 write update of 0 #6",
        "1030 write update of 0 #7",
        "1040 write update of 0 #8",
        "1050 write update of 0 #9",
        "1060 write update of 0 #10",
        "1070 write update of 0 #11",
        "1080 write update of 0 #12",
        "1090 write update of 0 #13",
        "1100 write update of 0 #14",
        "31010 write update of 0 #21",
        "61010 write update of 0 #28",
      ],
    ],
    [
      "at once when the delayed leave is given up, however many changes there were",
      after(5_000, { restart: "unsupported" }),
      (call) => changing(call.join(1_000), 12).until(6_000),
      [
        "0 write join of 0 #3",
        "1010 write update of 0 #5",
        "1020 write update of 0 #6",
        "1030 write update of 0 #7",
        "1040 write update of 0 #8",
        "1050 write update of 0 #9",
        "1060 write update of 0 #10",
        "1070 write update of 0 #11",
        "1080 write update of 0 #12",
        "1090 write update of 0 #13",
        "1100 write update of 0 #14",
        "5000 write refresh of 0 #16",
      ],
    ],
    [
      "at once for a change while others wait for two seconds",
      {},
      (call) => call.join(1_000).input({ kind: "late-room-member" }).until(2_000).intent("audio").until(9_000),
      ["0 write join of 0 #3", "2000 write update of 0 #5"],
    ],
    [
      "two seconds after the first user who enters the room",
      {},
      (call) =>
        call
          .join(1_000)
          .input({ kind: "late-room-member" })
          .until(2_500)
          .input({ kind: "late-room-member" })
          .until(9_000),
      ["0 write join of 0 #3", "3000 write late-room-member of 0 #5"],
    ],
    [
      "at once for keys, and not again for a user who enters",
      {},
      (call) => call.join(1_000).input({ kind: "keys-unanswered" }).until(9_000),
      ["0 write join of 0 #3", "1000 write keys-unanswered of 0 #5"],
    ],
    [
      "with the same transaction id until it is answered",
      after(1, { write: "network" }),
      (call) => call.join(1_000).intent("audio").until(9_000),
      ["0 write join of 0 #3", "1000 write update of 0 #5", "4000 write update of 0 #5", "7000 write update of 0 #5"],
    ],
    [
      "with another transaction id when its content changes",
      after(1, { write: "network" }),
      (call) => call.join(1_000).intent("audio").until(2_000).intent("video").until(9_000),
      ["0 write join of 0 #3", "1000 write update of 0 #5", "4000 write update of 0 #6", "7000 write update of 0 #6"],
    ],
    [
      "with another transaction id when its first try has expired",
      {
        timing: { expiryMs: 60_000, networkRetryMs: 25_000, expiryHeadroomMs: 1_000 },
        ...after(0, { write: "network" }),
      },
      (call) => call.join(110_000),
      [
        "0 write join of 0 #3",
        "25000 write join of 0 #3",
        "50000 write join of 0 #3",
        "75000 write join of 0 #21",
        "100000 write join of 0 #21",
      ],
    ],
    [
      "ten times in trouble, and then once in thirty seconds",
      { timing: { networkRetryMs: 1_000, maxRetries: 100 }, ...after(1, { write: "network" }) },
      (call) => call.join(1_000).shows("nothing").until(90_000),
      [
        "0 write join of 0 #3",
        "1000 write rejoin of 1 #6",
        "2000 write rejoin of 1 #6",
        "3000 write rejoin of 1 #6",
        "4000 write rejoin of 1 #6",
        "5000 write rejoin of 1 #6",
        "6000 write rejoin of 1 #6",
        "7000 write rejoin of 1 #6",
        "8000 write rejoin of 1 #6",
        "9000 write rejoin of 1 #6",
        "10000 write rejoin of 1 #6",
        "31000 write rejoin of 1 #6",
        "61000 write rejoin of 1 #6",
      ],
    ],
    [
      "in trouble as often as the options say while we join",
      { timing: { networkRetryMs: 1_000, maxRetries: 3 }, ...after(0, { write: "network" }) },
      (call) => call.join(90_000),
      ["0 write join of 0 #3", "1000 write join of 0 #3", "2000 write join of 0 #3", "3000 write join of 0 #3"],
    ],
    [
      "when the delayed leave is further away than two seconds",
      { timing: { delayedLeaveRestartMs: 12_000 }, ...after(1, { restart: "rate-limited" }) },
      (call) => call.join(15_999).intent("audio"),
      ["0 write join of 0 #3", "15999 write update of 0 #6"],
    ],
    [
      "not when the delayed leave is two seconds away",
      { timing: { delayedLeaveRestartMs: 12_000 }, ...after(1, { restart: "rate-limited" }) },
      (call) => call.join(16_000).intent("audio"),
      ["0 write join of 0 #3"],
    ],
    [
      "when a delayed leave of four seconds is further away than one",
      { timing: { delayedLeaveMs: 4_000, delayedLeaveRestartMs: 3_000 }, ...after(1, { restart: "rate-limited" }) },
      (call) => call.join(2_999).intent("audio"),
      ["0 write join of 0 #3", "2999 write update of 0 #6"],
    ],
    [
      "not when a delayed leave of four seconds is one second away",
      { timing: { delayedLeaveMs: 4_000, delayedLeaveRestartMs: 3_000 }, ...after(1, { restart: "rate-limited" }) },
      (call) => call.join(3_000).intent("audio"),
      ["0 write join of 0 #3"],
    ],
    [
      "when a restart is answered, which is asked for before it is due",
      {
        timing: { delayedLeaveRestartMs: 12_000 },
        reply: ({ kind }, ts) => (kind === "restart" && ts > 0 && ts < 16_500 ? "network" : undefined),
      },
      (call) => call.join(16_400).intent("audio").until(20_000),
      ["0 write join of 0 #3", "17000 write update of 0 #11"],
    ],
    [
      "not before the login is renewed",
      after(5_000, { restart: "soft-logged-out" }),
      (call) => call.join(6_000).intent("audio").until(8_000),
      ["0 write join of 0 #3"],
    ],
    [
      "when the login is renewed",
      { reply: ({ kind }, ts) => (kind === "restart" && ts === 5_000 ? "soft-logged-out" : undefined) },
      (call) => call.join(6_000).intent("audio").until(8_000).input({ kind: "resumed" }),
      ["0 write join of 0 #3", "8000 write update of 0 #7"],
    ],
  ])("%s", (_, setting, act, expected) => {
    expect(times(act(new Chronicle(setting)))).toEqual(expected);
  });
});
