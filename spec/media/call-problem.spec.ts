import { describe, expect, it } from "vitest";
import type { JoinState } from "../../src/join/join-state.ts";
import { callProblems, type ProblemInput, ripeProblems } from "../../src/media/call-problem.ts";
import { membersNamed } from "../../src/testing/index.ts";

const [alice, bob] = membersNamed("alice bob");
const own = { ...alice!, participantIdentity: "me" };
const joined: JoinState = {
  status: "joined",
  member: own,
  sinceTs: 0,
  delayedLeave: { status: "armed", untilTs: 0, delegated: false },
  probablyLeft: false,
};
const nothing: ProblemInput = { state: joined, connections: [], devices: [], publishFailures: [], members: [] };
const ok = { status: "end-to-end", by: "frames", keyIndex: 0 } as const;
const codes = (input: Partial<ProblemInput>) => callProblems({ ...nothing, ...input }, [], 0).map(({ code }) => code);

describe("The problems of a call", () => {
  it("are none if all is well", () =>
    expect(codes({ members: [{ member: bob!, encryption: ok, problem: undefined }] })).toEqual([]));

  it.each<[string, Partial<ProblemInput>]>([
    ["probably-left", { state: { ...joined, probablyLeft: true } }],
    ["login-needed", { state: { ...joined, waitingFor: "login" } }],
    ["clocks-differ", { state: { ...joined, clockOffsetMs: 90_000 } }],
    ["no-delayed-leave", { state: { ...joined, delayedLeave: { status: "unsupported" } } }],
    [
      "rejoining",
      { state: { status: "rejoining", member: own, reason: "vanished", step: "scheduling-leave", attempt: 1 } },
    ],
    ["join-delayed", { state: { status: "joining", member: own, step: "scheduling-leave", attempt: 2 } }],
    ["own-key-missing", { lacksOwnKey: true }],
    [
      "not-publishing",
      { connections: [{ sfu: "s", purpose: "publish", status: "failed", failure: { code: "unreachable" } }] },
    ],
    [
      "sfu-failed",
      { connections: [{ sfu: "s", purpose: "subscribe", status: "connecting", failure: { code: "removed" } }] },
    ],
    ["sfu-reconnecting", { connections: [{ sfu: "s", purpose: "publish", status: "reconnecting" }] }],
    ["device-failed", { devices: [{ source: "camera", code: "in-use", sinceTs: 0 }] }],
    ["publish-failed", { publishFailures: [{ source: "camera", sfu: "s", nextTryTs: 1 }] }],
    [
      "member-lacks-our-key",
      { members: [{ member: bob!, encryption: { ...ok, unreached: "failed" }, problem: undefined }] },
    ],
    [
      "member-undecryptable",
      { members: [{ member: bob!, encryption: { status: "waiting", reason: "no-key" }, problem: undefined }] },
    ],
    ["member-not-encrypted", { members: [{ member: bob!, encryption: { status: "cleartext" }, problem: undefined }] }],
    [
      "member-unreachable",
      { members: [{ member: bob!, encryption: ok, problem: { code: "too-many-sfus", sinceTs: 0 } }] },
    ],
  ])("are %s for %j", (code, input) => expect(codes(input)).toEqual([code]));

  it("are ordered by severity, whatever part reports them", () =>
    expect(
      codes({
        state: { ...joined, probablyLeft: true, delayedLeave: { status: "unsupported" } },
        connections: [{ sfu: "s", purpose: "publish", status: "failed", failure: { code: "unreachable" } }],
        members: [{ member: bob!, encryption: { status: "cleartext", unreached: "failed" }, problem: undefined }],
      }),
    ).toEqual(["probably-left", "not-publishing", "member-lacks-our-key", "member-not-encrypted", "no-delayed-leave"]));

  it("do not repeat the problem of a connection for each of its members", () =>
    expect(
      codes({ members: [{ member: bob!, encryption: ok, problem: { code: "sfu-not-connected", sinceTs: 0 } }] }),
    ).toEqual([]));

  it("keep their first time and their object while they last, also when the member is written again", () => {
    const input = (member: typeof bob): ProblemInput => ({
      ...nothing,
      members: [{ member: member!, encryption: { status: "waiting", reason: "no-key" }, problem: undefined }],
    });
    const first = callProblems(input(bob), [], 5);
    const again = callProblems(input({ ...bob!, eventId: "$other" }), first, 10);
    expect(again).toBe(first);
    expect(first[0]!.sinceTs).toBe(5);
    expect(callProblems(nothing, first, 10)).toEqual([]);
  });

  it("are shown once they have lasted, so that no banner flashes", () => {
    const found = callProblems(
      {
        ...nothing,
        state: { ...joined, probablyLeft: true },
        members: [{ member: bob!, encryption: { status: "waiting", reason: "no-key" }, problem: undefined }],
      },
      [],
      0,
    );
    expect(ripeProblems(found, 0).ripe.map(({ code }) => code)).toEqual(["probably-left"]);
    expect(ripeProblems(found, 0).nextTs).toBe(3_000);
    expect(ripeProblems(found, 3_000).ripe.map(({ code }) => code)).toEqual(["probably-left", "member-undecryptable"]);
    expect(ripeProblems(found, 3_000).nextTs).toBe(Infinity);
  });
});
