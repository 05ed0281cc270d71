// Late answers: answers to requests that have timed out. protocol.md 4.6.
import { describe, expect, it } from "vitest";
import type { RequestKind } from "../../src/join/requests.ts";
import { Chronicle, type Reply, type Setting } from "./chronicle.ts";

type Row = [string, Setting, (call: Chronicle) => Chronicle, Expected];
type Expected = string[] | { readonly state: string[]; readonly sticky: string[] };

/** The first request of a kind from a time on gets this reply, or the first few. */
function first(asked: RequestKind, fromTs: number, reply: Reply = "lost", times = 1): Setting {
  let count = 0;
  return {
    reply: ({ kind }, ts) => (kind === asked && ts >= fromTs && (count += 1) <= times ? reply : undefined),
  };
}

describe.each(["state", "sticky"] as const)("A late answer for a %s member", (kind) => {
  it.each<Row>([
    [
      "that brings a second delayed leave: it is cancelled",
      first("schedule", 0),
      (call) => call.join(12_000).late("schedule").until(13_000),
      [
        "10000 schedule 18000 of 0 #2",
        "10000 write join of 0 #4",
        "12000 late-answer schedule true",
        "12000 delayed-leave-duplicate",
        "12000 cancel delay-3",
        "10000 joined at 10000, until 28000, shown $2",
      ],
    ],
    [
      "that brings the delayed leave while another is asked for: that one is cancelled when it comes",
      first("schedule", 0, "lost", 2),
      (call) => call.join(12_000).late("schedule").until(13_000).late("schedule").until(14_000),
      [
        "10000 schedule 18000 of 0 #2",
        "12000 late-answer schedule true",
        "12000 write join of 0 #5",
        "13000 late-answer schedule true",
        "13000 delayed-leave-duplicate",
        "13000 cancel delay-3",
        "12000 joined at 12000, until 30000, shown $2",
      ],
    ],
    [
      "that refuses the delayed leave while another is asked for: none is used",
      first("schedule", 0, "lost", 2),
      (call) => call.join(12_000).late("schedule", "forbidden").until(13_000),
      [
        "10000 schedule 18000 of 0 #2",
        "12000 late-answer schedule false",
        "12000 delayed-leave-unsupported forbidden",
        "12000 write join of 0 #4",
        "12000 joined at 12000, unsupported, shown $1",
      ],
    ],
    [
      "that refuses the delayed leave after another was accepted: nothing",
      first("schedule", 0),
      (call) => call.join(12_000).late("schedule", "forbidden").until(13_000),
      [
        "10000 schedule 18000 of 0 #2",
        "10000 write join of 0 #4",
        "12000 late-answer schedule false",
        "10000 joined at 10000, until 28000, shown $2",
      ],
    ],
    [
      "that says that the network is down: nothing",
      first("schedule", 0, "lost", 2),
      (call) => call.join(12_000).late("schedule", "network").until(16_000),
      ["10000 schedule 18000 of 0 #2", "12000 late-answer schedule false", "10000 joining: scheduling-leave 2"],
    ],
    [
      "to the write: we are in the call, and the next try is not waited for",
      first("write", 0, "lost", 2),
      (call) => call.join(12_000).late("write").until(13_000).intent("audio").until(14_000),
      [
        "10000 write join of 0 #3",
        "12000 late-answer write true",
        "12000 abort write",
        "13000 write update of 0 #8",
        "13000 joined at 10000, until 30000, shown $3",
      ],
    ],
    [
      "to the write after the next try was answered: nothing",
      first("write", 0),
      (call) => call.join(12_000).intent("audio").until(13_000),
      [
        "10000 write join of 0 #3",
        "10000 abort write",
        "12000 write update of 0 #8",
        "12000 joined at 10000, until 28000, shown $3",
      ],
    ],
    [
      "that refuses the write while another is under way: the join ends",
      first("write", 0, "lost", 2),
      (call) => call.join(12_000).late("write", "forbidden").until(16_000),
      [
        "10000 write join of 0 #3",
        "12000 late-answer write false",
        "12000 leave-started failure",
        "14000 leave of 0 #7",
        "14000 leave-ended true join-refused",
        "12000 leaving since 12000",
      ],
    ],
    [
      "to a write of an earlier content: the newest is sent all the same",
      first("write", 0),
      (call) => call.join(1_000).intent("audio").until(9_000).late("write").until(12_000),
      ["9000 write update of 0 #6", "9000 joined at 0, until 27000, shown $3"],
    ],
    [
      "to an update of an earlier content: the newest is sent once",
      first("write", 1),
      (call) => call.join(1_000).intent("audio").until(2_000).intent("video").until(2_500).late("write").until(12_000),
      ["1000 write update of 0 #5", "2500 write update of 0 #6", "10000 joined at 0, until 28000, shown $3"],
    ],
    [
      "to a restart: it counts from when the restart was sent",
      first("restart", 5_000, "lost", 2),
      (call) => call.join(8_000).late("restart").until(8_100),
      ["8000 joined at 0, until 23000, shown $2"],
    ],
    [
      "to the first of several restarts: one to the next that was sent 5 s later still counts",
      first("restart", 5_000, "lost", 5),
      (call) => call.join(14_000).late("restart").until(14_100).late("restart").until(14_200),
      ["9000 abort restart", "11000 abort restart", "14100 joined at 0, until 29000, shown $2"],
    ],
    [
      "to a write, while a restart and the next try are under way: the restart is still waited for",
      {
        reply: ({ kind: asked }, ts) =>
          (asked === "write" || (asked === "restart" && ts >= 10_000)) && ts < 10_500 ? "lost" : undefined,
      },
      (call) => call.join(10_500).late("write").until(11_000).late("restart").until(11_100),
      [
        "10000 write join of 0 #3",
        "10500 late-answer write true",
        "10500 abort write",
        "11000 joined at 10000, until 28000, shown $2",
      ],
    ],
    [
      "to a restart that says that the delayed leave is gone, after a later one was answered: nothing",
      first("restart", 5_000, "lost", 1),
      (call) => call.join(8_000),
      ["7000 abort restart", "7000 joined at 0, until 25000, shown $2"],
    ],
    [
      "to a restart that says that the delayed leave is gone: another is asked for",
      first("restart", 5_000, "lost", 2),
      (call) => call.join(8_000).late("restart", "not-found").until(8_500),
      ["8000 delayed-leave-gone false", "8000 schedule 18000 of 0 #7", "8000 joined at 0, until 26000, shown $2"],
    ],
    [
      "to a write of an instance that is gone: nothing",
      first("write", 1),
      (call) => call.join(1_000).intent("audio").until(1_500).shows("nothing").until(2_000).late("write").until(3_000),
      {
        state: [
          "1000 write update of 0 #5",
          "1500 rejoining vanished 1",
          "2000 write rejoin of 1 #7",
          "2000 joined at 2000, until 20000, shown $3",
        ],
        sticky: [
          "1000 write update of 0 #5",
          "1500 rejoining vanished 1",
          "1500 schedule 18000 of 1 #6",
          "2000 write rejoin of 1 #7",
          "2000 leave of 0 #9",
          "2000 joined at 2000, until 20000, shown $4",
        ],
      },
    ],
    [
      "to a restart of a delayed leave that has been replaced: nothing",
      {
        reply: ({ kind: asked }, ts) =>
          asked !== "restart" ? undefined : ts === 5_000 ? "lost" : ts === 7_000 ? "not-found" : undefined,
      },
      (call) => call.join(8_000).late("restart").until(8_500),
      ["7000 delayed-leave-gone false", "7000 schedule 18000 of 0 #7", "7000 joined at 0, until 25000, shown $2"],
    ],
    [
      "to a restart of a delayed leave that is gone, while another is asked for: nothing",
      {
        reply: ({ kind: asked }, ts) =>
          ts < 5_000
            ? undefined
            : asked === "schedule"
              ? "lost"
              : asked !== "restart"
                ? undefined
                : ts === 5_000
                  ? "lost"
                  : "not-found",
      },
      (call) => call.join(8_000).late("restart").until(8_500),
      ["7000 delayed-leave-gone false", "7000 schedule 18000 of 0 #7", "7000 joined at 0, scheduling, shown $2"],
    ],
    [
      "to the long delayed leave does not hold up the short one",
      {
        delegates: true,
        reply: (request, ts) =>
          request.kind === "schedule" && (request.delegated || ts > 0)
            ? "lost"
            : request.kind === "restart" && ts === 5_000
              ? "not-found"
              : undefined,
      },
      (call) => call.join(6_000).late("schedule").until(7_000).late("schedule").until(8_000),
      [
        "5000 delayed-leave-gone false",
        "5000 schedule 18000 of 0 #7",
        "7000 delegate delay-3 3600000 of 0",
        "7000 cancel delay-4",
        "7000 joined at 0, until 3600000 delegated, shown $2",
      ],
    ],
    [
      "to a write when a later content was answered: nothing",
      first("write", 1),
      (call) => call.join(1_000).intent("audio").until(2_000).intent("video").until(12_000),
      [
        "1000 write update of 0 #5",
        "11000 write update of 0 #8",
        "11000 abort write",
        "11000 joined at 0, until 28000, shown $3",
      ],
    ],
    [
      "to a write of an earlier content, while a later one is under way: that is waited for",
      first("write", 1, "lost", 2),
      (call) => call.join(1_000).intent("audio").until(2_000).intent("video").until(12_000).late("write").until(22_000),
      [
        "1000 write update of 0 #5",
        "11000 write update of 0 #8",
        "12000 late-answer write true",
        "21000 write update of 0 #11",
        "21000 abort write",
        "21000 joined at 0, until 38000, shown $4",
      ],
    ],
    [
      "that brings a third delayed leave: each is cancelled but the first",
      first("schedule", 0, "lost", 3),
      (call) =>
        call.join(21_000).late("schedule").until(22_000).late("schedule").until(23_000).late("schedule").until(24_000),
      {
        state: [
          "10000 schedule 18000 of 0 #2",
          "20000 schedule 18000 of 0 #2",
          "21000 late-answer schedule true",
          "21000 schedule 18000 of 0 #5",
          "21000 cancel delay-1",
          "21000 write join of 0 #7",
          "22000 late-answer schedule true",
          "22000 delayed-leave-duplicate",
          "22000 cancel delay-4",
          "23000 late-answer schedule true",
          "23000 delayed-leave-duplicate",
          "23000 cancel delay-5",
          "21000 joined at 21000, until 39000, shown $3",
        ],
        sticky: [
          "10000 schedule 18000 of 0 #2",
          "20000 schedule 18000 of 0 #2",
          "21000 late-answer schedule true",
          "21000 rejoining left-by-server 1",
          "21000 schedule 18000 of 1 #5",
          "21000 write join of 1 #6",
          "22000 late-answer schedule true",
          "23000 late-answer schedule true",
          "21000 joined at 21000, until 39000, shown $3",
        ],
      },
    ],
    [
      "is waited for in the background for half a minute",
      first("write", 1, "lost", 9),
      (call) => call.join(1_000).intent("audio").until(45_000),
      [
        "1000 write update of 0 #5",
        "11000 write update of 0 #5",
        "21000 write update of 0 #5",
        "31000 abort write",
        "31000 write update of 0 #5",
        "41000 abort write",
        "41000 write update of 0 #5",
        "45000 joined at 0, until 63000, shown $2",
      ],
    ],
  ])("%s", (_, setting, act, expected) => {
    const call = act(new Chronicle({ kind, ...setting }));
    expect(call.story(1)).toEqual(Array.isArray(expected) ? expected : expected[kind]);
  });
});
