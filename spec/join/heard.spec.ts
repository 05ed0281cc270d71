// Heard: what the room, the options and the client say to a join. protocol.md 4.7, 4.8.
import { concat, map, NEVER, type Observable, of, Subject, throwError, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { RtcError } from "../../src/errors.ts";
import type { Input } from "../../src/join/draft.ts";
import { joinInputs } from "../../src/join/inputs.ts";
import { initialState } from "../../src/join/model.ts";
import { type JoinOptions, resolveJoinOptions } from "../../src/join/options.ts";
import { ownMembers } from "../../src/join/own-member.ts";
import { alice, bob, carl, memberType, scene, slot, stickyType, toTheEnd } from "./scene.ts";

type Scene = ReturnType<typeof scene>;
const stateKey = `_${alice}_A_m.call`;
const call = { application: "m.call", call_id: "", device_id: "A", focus_active: { type: "livekit" } };

/** Lets something happen a second after the subscription, and returns the inputs that it causes, as they are. */
function heard(options: JoinOptions, act: (scene: Scene) => void, kinds: readonly Input["kind"][] = ["membership"]) {
  const inputs: Input[] = [];
  toTheEnd(() => {
    const stage = scene();
    const resolved = resolveJoinOptions(slot, options);
    const memberOf = ownMembers(stage.call.matrix, resolved.kind, resolved.generation, options.memberId);
    const state = initialState({ ...resolved, delegates: false }, 0);
    const listening = joinInputs(stage.call, resolved, { state: () => state, memberOf }).subscribe((input) =>
      inputs.push(input),
    );
    timer(1_000).subscribe(() => {
      inputs.length = kinds.includes("membership") ? 0 : inputs.length;
      act(stage);
    });
    timer(5_000).subscribe(() => listening.unsubscribe());
  });
  return inputs.filter(({ kind }) => kinds.includes(kind));
}
const put =
  (content: object, sender = alice) =>
  ({ home, roomId }: Scene) =>
    void home.setState(roomId, { type: memberType, sender, stateKey, content });

describe("A state event of ours in the room", () => {
  it.each<[string, object, boolean]>([
    ["stands", call, false],
    ["stands if it expires later", { ...call, expires: 10_000 }, false],
    ["stands and has expired if it said so", { ...call, expires: 1 }, true],
    ["has expired by the time since when it says we are in the call", { ...call, created_ts: 101, expires: 900 }, true],
    ["has not expired a millisecond earlier", { ...call, created_ts: 102, expires: 900 }, false],
    ["has no later time than that of the server", { ...call, created_ts: 999_999, expires: 1 }, true],
    ["has the time of the server if its own is none", { ...call, created_ts: "100", expires: 900 }, false],
    ["does not expire if that is no number", { ...call, created_ts: 100, expires: "900" }, false],
  ])("%s", (_, content, isExpired) => {
    const inputs = heard({}, put(content));
    expect(inputs[0]).toMatchObject({ standing: { originServerTs: 1_000, isExpired } });
    expect(inputs[0]).not.toHaveProperty("leaveId");
  });

  it("is a leave without an application", () => {
    const last = heard({}, put({})).at(-1);
    expect(last).toMatchObject({ kind: "membership", own: undefined, leaveId: expect.any(String) });
    expect(last).not.toHaveProperty("standing");
  });

  it("is no leave of ours if another user sent it", () => {
    const last = heard({}, put({}, bob)).at(-1);
    expect(last).toMatchObject({ kind: "membership", own: undefined });
    expect(last).not.toHaveProperty("leaveId");
    expect(last).not.toHaveProperty("standing");
  });
});

describe("A change of the room", () => {
  it.each<[string, (scene: Scene) => void, number]>([
    [
      "of another state says nothing of us",
      ({ home, roomId }) => home.setState(roomId, { type: "m.room.topic", sender: alice, stateKey: "", content: {} }),
      0,
    ],
    [
      "of a member who is not in the call may hide us",
      ({ home, roomId }) => home.setState(roomId, { type: memberType, sender: bob, stateKey: "x", content: {} }),
      1,
    ],
    [
      "of a member among others may hide us",
      ({ home, roomId }) => {
        home.setState(roomId, { type: memberType, sender: bob, stateKey: "x", content: {} });
        home.setState(roomId, { type: "m.room.topic", sender: alice, stateKey: "", content: {} });
      },
      1,
    ],
    [
      "of a sticky event of another user says nothing of us",
      ({ home, roomId }) => home.sendSticky(roomId, { type: "org.example", sender: bob, content: {} }),
      0,
    ],
    [
      "of a sticky event of ours may be about us",
      ({ home, roomId }) => home.sendSticky(roomId, { type: "org.example", sender: alice, content: {} }),
      1,
    ],
  ])("%s", (_, act, count) => {
    expect(heard({}, act)).toHaveLength(count);
  });
});

describe("A sticky event of ours in the room", () => {
  const sticky =
    (key: string, more: object = {}, sender = alice) =>
    ({ home, roomId }: Scene) =>
      home.sendSticky(roomId, {
        type: stickyType,
        sender,
        content: { msc4354_sticky_key: key, application: call, ...more },
      });
  const leaveOf =
    (sender: string) =>
    ({ home, roomId }: Scene) =>
      home.sendSticky(roomId, { type: stickyType, sender, content: { msc4354_sticky_key: "given" } });

  it.each<[string, (scene: Scene) => void, "standing" | "leaveId" | undefined]>([
    ["stands", (stage) => sticky("given")(stage), "standing"],
    ["is a leave without an application", leaveOf(alice), "leaveId"],
    ["is none of this member with another key", (stage) => sticky("other")(stage), undefined],
    [
      "is the newest of its key",
      (stage) => {
        sticky("given")(stage);
        timer(10).subscribe(() => leaveOf(alice)(stage));
      },
      "leaveId",
    ],
    [
      "is the newest of its key, also if the client lists that first",
      (stage) => {
        const { matrix } = stage.call;
        const { stickyEvents } = matrix;
        Object.assign(matrix, { stickyEvents: (roomId: string) => [...stickyEvents(roomId)].toReversed() });
        sticky("given")(stage);
        timer(10).subscribe(() => leaveOf(alice)(stage));
      },
      "leaveId",
    ],
    [
      "is the last of its key among those of one time",
      (stage) => {
        sticky("given")(stage);
        leaveOf(alice)(stage);
      },
      "leaveId",
    ],
    [
      "is not that of another user with its key",
      (stage) => {
        sticky("given")(stage);
        timer(10).subscribe(() => leaveOf(bob)(stage));
        timer(20).subscribe(() => sticky("other")(stage));
      },
      "standing",
    ],
  ])("%s", (_, act, found) => {
    const last = heard({ mode: "matrix_2_0", memberId: "given" }, act).at(-1) ?? {};
    expect(["standing", "leaveId"].filter((name) => name in last)).toEqual(found ? [found] : []);
  });
});

describe("A join hears", () => {
  it.each<[string, JoinOptions, (scene: Scene) => void, Input["kind"], unknown[]]>([
    [
      "that we were kicked, and are back",
      {},
      ({ home, roomId }) => {
        home.kick(roomId, alice);
        timer(100).subscribe(() => home.joinRoom(roomId, alice));
      },
      "room",
      [
        { kind: "room", isIn: false },
        { kind: "room", isIn: true },
      ],
    ],
    ["nothing of the room if another user was kicked", {}, ({ home, roomId }) => home.kick(roomId, bob), "room", []],
    [
      "that a user has entered, for a sticky member",
      { mode: "matrix_2_0" },
      ({ home, roomId }) => home.joinRoom(roomId, carl),
      "late-room-member",
      [{ kind: "late-room-member" }],
    ],
    [
      "nothing of users who enter when we come back to the room",
      { mode: "matrix_2_0" },
      ({ home, roomId }) => {
        home.kick(roomId, alice);
        timer(100).subscribe(() => home.joinRoom(roomId, alice));
      },
      "late-room-member",
      [],
    ],
    [
      "nothing of users who enter, for a state member",
      {},
      ({ home, roomId }) => home.joinRoom(roomId, carl),
      "late-room-member",
      [],
    ],
    [
      "what the slot is",
      {},
      ({ home, roomId }) =>
        home.setState(roomId, {
          type: "org.matrix.msc4143.rtc.slot",
          sender: alice,
          stateKey: slot,
          content: { status: "open", application: { type: "m.call" } },
        }),
      "slot",
      [
        { kind: "slot", status: "absent" },
        { kind: "slot", status: "open" },
      ],
    ],
  ])("%s", (_, options, act, kind, expected) => {
    expect(heard(options, act, [kind])).toEqual(expected);
  });

  const lunch = { code: "lunch" };
  const later = <T>(value: T): Observable<T> => concat(timer(500).pipe(map(() => value)), NEVER);
  it.each<[string, JoinOptions, unknown[]]>([
    ["the leave without a reason", { leaveOn: timer(200) }, [{ kind: "leave", cause: "leaveOn", reason: undefined }]],
    [
      "the leave once, with the newest reason",
      { leaveOn: timer(600, 200), leaveReason: concat(of({ code: "tired" }), later(lunch)) },
      [{ kind: "leave", cause: "leaveOn", reason: lunch }],
    ],
    [
      "the leave without a reason that is not known yet",
      { leaveOn: timer(200), leaveReason: new Subject() },
      [{ kind: "leave", cause: "leaveOn", reason: undefined }],
    ],
    ["no leave when leaveOn only completes", { leaveOn: of() }, []],
  ])("%s", (_, options, expected) => {
    expect(heard(options, () => {}, ["leave", "failure"])).toEqual(expected);
  });

  it.each<[string, JoinOptions, string, string]>([
    ["leaveOn", { leaveOn: throwError(() => new Error("x")) }, "bad-argument", "leaveOn failed"],
    ["leaveReason", { leaveReason: throwError(() => new Error("x")) }, "bad-argument", "leaveReason failed"],
    ["transports", { transports: throwError(() => new Error("x")) }, "no-transport", "transports failed"],
    ["transports that end", { transports: of() }, "no-transport", "transports ended without a value"],
    ["the application", { application: throwError(() => new Error("x")) }, "bad-argument", "application failed"],
    ["an application that ends", { application: of() }, "bad-argument", "application ended without a value"],
    ["the intent", { intent: throwError(() => new Error("x")) }, "bad-argument", "intent failed"],
    ["an intent that ends", { intent: of() }, "bad-argument", "intent ended without a value"],
  ])("that %s failed, by name", (_, options, code, message) => {
    const [failure, ...others] = heard(options, () => {}, ["failure"]);
    expect(others).toEqual([]);
    expect(failure).toMatchObject({ kind: "failure", error: { code, message: expect.stringContaining(message) } });
    if (failure?.kind === "failure" && !message.includes("ended")) expect(failure.error.cause).toEqual(new Error("x"));
  });

  it("the error of a stream with its code", () => {
    const error = new RtcError("unsupported", "no camera");
    expect(heard({ leaveOn: throwError(() => error) }, () => {}, ["failure"])).toEqual([{ kind: "failure", error }]);
  });

  it("its data once for equal values, and after a stream has ended", () => {
    const transports = concat(of([{ type: "livekit" }]), of([{ type: "livekit" }]));
    const intent = concat(of("audio"), later("video"));
    const contents = heard({ transports, intent }, () => {}, ["content"]);
    expect(contents).toMatchObject([{ content: { intent: "audio" } }, { content: { intent: "video" } }]);
  });
});
