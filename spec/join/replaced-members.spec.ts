// Replaced members: members of ours that the room may still show beside the present one. protocol.md 4.8.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";
import { own } from "./steps.ts";

const after = (ts: number, replies: { readonly [kind in RequestKind]?: Reply }): Setting => ({
  reply: ({ kind }, now) => (now >= ts ? replies[kind] : undefined),
});
type Row = [string, Setting, (call: Chronicle) => Chronicle, string[]];
const leave = { kind: "leave", cause: "leaveOn" } as const;
const stray = (...strays: (string | number)[]) => ({ own: { ...own, eventId: "$2" }, strays });
const many = Array.from({ length: 7 }, (_, index) => `stray${index}`);

describe("A sticky member sends a leave", () => {
  it.each<Row>([
    [
      "for a member that an earlier page left behind, when it has joined",
      {},
      (call) => call.shows({ strays: ["old"] }).join(1_000),
      ["0 write join of 0 #3", "0 leave of old #5", "0 joined at 0, until 18000, shown $2"],
    ],
    [
      "for it once, however often the room shows it",
      {},
      (call) => call.join(1_000).shows(stray("old")).until(2_000).shows(stray("old")).until(9_000),
      ["0 write join of 0 #3", "1000 leave of old #5", "5000 joined at 0, until 23000, shown $2"],
    ],
    [
      "for each of several",
      {},
      (call) => call.join(1_000).shows(stray("old", "older")),
      [
        "0 write join of 0 #3",
        "1000 leave of old #5",
        "1000 leave of older #6",
        "0 joined at 0, until 18000, shown $2",
      ],
    ],
    [
      "for five at most that are shown at once",
      {},
      (call) => call.join(1_000).shows(stray(...many)),
      [
        "0 write join of 0 #3",
        "1000 leave of stray2 #5",
        "1000 leave of stray3 #6",
        "1000 leave of stray4 #7",
        "1000 leave of stray5 #8",
        "1000 leave of stray6 #9",
        "0 joined at 0, until 18000, shown $2",
      ],
    ],
    [
      "for it again, with the same transaction id, after trouble of the network",
      after(0, { leave: "network" }),
      (call) => call.join(1_000).shows(stray("old")).until(9_000),
      [
        "0 write join of 0 #3",
        "1000 leave of old #5",
        "4000 leave of old #5",
        "7000 leave of old #5",
        "5000 joined at 0, until 23000, shown $2",
      ],
    ],
    [
      "for it when it leaves, if it has written nothing",
      after(0, { schedule: "lost" }),
      (call) =>
        call
          .shows({ strays: ["old"] })
          .join(1_000)
          .input(leave)
          .until(9_000),
      ["1000 leave-started leaveOn", "1000 leave of old #3", "3000 leave-ended true", "1000 leaving since 1000"],
    ],
    [
      "for it until that is hopeless",
      after(0, { leave: "forbidden" }),
      (call) => call.join(1_000).shows(stray("old")).until(60_000),
      [
        "0 write join of 0 #3",
        "1000 leave of old #5",
        "4000 leave of old #5",
        "7000 leave of old #5",
        "10000 leave of old #5",
        "60000 joined at 0, until 78000, shown $2",
      ],
    ],
    [
      "for its earlier instance, again if the room shows that again",
      {},
      (call) => call.join(1_000).shows("nothing").until(2_000).shows(stray(0)).until(3_000).shows(stray(0)),
      [
        "0 write join of 0 #3",
        "1000 rejoining vanished 1",
        "1000 write rejoin of 1 #6",
        "2000 leave of 0 #8",
        "3000 leave of 0 #9",
        "2000 joined at 1000, until 19000, shown $2",
      ],
    ],
    [
      "for no member that shows up while it leaves: that is of the next join of this client",
      after(0, { send: "lost" }),
      (call) => call.join(1_000).input(leave).until(1_500).shows(stray("next")).until(9_000),
      [
        "0 write join of 0 #3",
        "1000 leave-started leaveOn",
        "1000 send delay-1",
        "3000 leave of 0 #6",
        "3000 cancel delay-1",
        "3000 leave-ended true",
        "1000 leaving since 1000",
      ],
    ],
    [
      "for an earlier instance that shows up while it leaves",
      after(1, { send: "lost" }),
      (call) => call.join(1_000).shows("nothing").until(2_000).input(leave).until(2_500).shows(stray(0)).until(9_000),
      [
        "0 write join of 0 #3",
        "1000 rejoining vanished 1",
        "1000 write rejoin of 1 #6",
        "2000 leave-started leaveOn",
        "2000 send delay-3",
        "4000 leave of 1 #9",
        "4000 leave of 0 #10",
        "4000 cancel delay-3",
        "4000 leave-ended true",
        "2000 leaving since 2000",
      ],
    ],
    [
      "for an instance whose write was not answered",
      after(1, { write: "lost" }),
      (call) => call.join(1_000).shows("nothing").until(2_000).input(leave).until(9_000),
      [
        "0 write join of 0 #3",
        "1000 rejoining vanished 1",
        "1000 write rejoin of 1 #6",
        "2000 leave-started leaveOn",
        "4000 leave of 1 #7",
        "4000 leave-ended true",
        "2000 leaving since 2000",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind: "sticky", ...setting }));
    expect(call.story().filter((line) => !/capability|schedule/.test(line))).toEqual(expected);
  });

  it("for twenty strays, and remembers them", () => {
    const strays = Array.from({ length: 20 }, (_, index) => `stray${index}`);
    const call = new Chronicle({ kind: "sticky" }).join(1_000);
    for (const id of [...strays, ...strays]) call.until(call.now + 100).shows(stray(id));
    expect(call.log.filter((line) => line.includes(" leave of"))).toHaveLength(20);
    call.shows(stray("stray20")).shows(stray("stray0"));
    expect(call.log.filter((line) => line.includes(" leave of"))).toHaveLength(22);
  });

  it("for itself in another transaction than for a stray whose leave got no answer: the server would ignore it", () => {
    const reply: Setting["reply"] = ({ kind }, ts) => (kind === "leave" && ts < 2_000 ? "lost" : undefined);
    const call = new Chronicle({ kind: "sticky", reply }).join(1_000).shows(stray("old")).until(2_000);
    call.input({ ...leave, reason: { code: "lunch" } }).until(20_000);
    const txnOf = (member: string) =>
      call.log.map((line) => / leave of (\w+) #(\d+)/.exec(line)).find((found) => found?.[1] === member)?.[2];
    expect(txnOf("old")).toBeDefined();
    expect(txnOf("0")).toBeDefined();
    expect(txnOf("0")).not.toBe(txnOf("old"));
  });
});
