// Sequences: the same actions on the original and the facade, over the same server: the same events in the same order.
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { JoinSessionConfig } from "matrixrtc-rx/compat";
import { runs } from "../support/properties.ts";
import { focus } from "./mocks.ts";
import { sides } from "./sides.ts";
import { SmallServer, type Trouble } from "./small-server.ts";

const bob = "@bob:example.org";
const carol = "@carol:example.org";

type Act = (server: SmallServer) => void;
/** What is done, and how long afterwards the next thing is. */
type Step = readonly [act: Act, waitMs: number];

const join =
  (config: JoinSessionConfig = {}): Act =>
  ({ session }) =>
    session.joinRoomSession([focus], focus, config);
const leave: Act = ({ session, seen }) =>
  void (session.isJoined() && session.leaveRoomSession().then((isOut) => seen.push(`left ${isOut}`)));
const leaveWithin =
  (ms: number): Act =>
  ({ session, seen }) =>
    void session.leaveRoomSession(ms).then((isOut) => seen.push(`left ${isOut}`));
const intend =
  (intent: string): Act =>
  ({ session, seen }) =>
    void session.updateCallIntent(intent).then(
      () => seen.push(`intent ${intent}`),
      (error: unknown) => seen.push(String(error)),
    );
const comes =
  (userId: string): Act =>
  (server) =>
    server.other(userId, true);
const goes =
  (userId: string): Act =>
  (server) =>
    server.other(userId, false);
const getsKey =
  (userId: string, index: number): Act =>
  (server) =>
    server.key(userId, index);
const fails =
  (methods: RegExp, trouble: Trouble, count = 1): Act =>
  ({ troubles }) =>
    void troubles.push({ methods, trouble, count });
const waits: Act = () => {};

/** The events of each side, and its getters in the end. */
async function played(steps: readonly Step[]): Promise<readonly (readonly string[])[]> {
  const seen: string[][] = [];
  for (const { names } of sides) {
    vi.useFakeTimers({ now: 1_800_000_000_000 });
    const server = new SmallServer(names);
    const { session } = server;
    for (const [act, waitMs] of steps) {
      act(server);
      await vi.advanceTimersByTimeAsync(waitMs);
    }
    const { membershipStatus, probablyLeft, memberships, isKeyRotationSuppressed } = session;
    const getters = [session.isJoined(), membershipStatus, probablyLeft, isKeyRotationSuppressed];
    seen.push([...server.seen, [...getters, session.delayId !== undefined, memberships.length].join(" ")]);
    const stopping = session.stop();
    await vi.advanceTimersByTimeAsync(2_000);
    await stopping;
    vi.useRealTimers();
  }
  // Event ids are not the same.
  return seen.map((words) => words.map((word) => word.replace(/\$event\d+/, "$event")));
}

afterEach(() => void vi.useRealTimers());

describe("The facade emits what the original emits, in the same order,", () => {
  it.each<[string, readonly Step[]]>([
    [
      "at a join and a leave",
      [
        [join(), 8_000],
        [leave, 4_000],
      ],
    ],
    [
      "at a leave directly after a join is sent",
      [
        [join(), 15],
        [leave, 4_000],
      ],
    ],
    [
      "at two joins, of which the second has no effect",
      [
        [join(), 0],
        [join(), 3_000],
        [leave, 1_000],
      ],
    ],
    [
      "at new intents before and after a join",
      [
        [intend("audio"), 10],
        [join(), 10],
        [intend("audio"), 3_000],
        [intend("video"), 1_000],
        [intend("video"), 1_000],
      ],
    ],
    [
      "if it starts a call and notifies the others",
      [
        [join({ notificationType: "ring", callIntent: "video" }), 3_000],
        [comes(bob), 3_000],
      ],
    ],
    [
      "if the call runs already, so that it notifies nobody",
      [
        [comes(bob), 1_000],
        [join({ notificationType: "ring" }), 3_000],
      ],
    ],
    [
      "when others come, send keys and go",
      [
        [comes(bob), 100],
        [join(), 400],
        [getsKey(bob, 0), 100],
        [getsKey(bob, 1), 20_000],
        [comes(carol), 20_000],
        [goes(bob), 9_000],
        [leave, 1_000],
      ],
    ],
    [
      "when a key comes before its member",
      [
        [join(), 100],
        [getsKey(bob, 0), 100],
        [comes(bob), 1_000],
      ],
    ],
    [
      "without media keys",
      [
        [comes(bob), 100],
        [join({ manageMediaKeys: false }), 500],
        [getsKey(bob, 0), 1_000],
      ],
    ],
    [
      "when a call becomes too large for new keys, and small again",
      [
        [comes(bob), 100],
        [join({ keyRotationParticipantLimit: 3 }), 9_000],
        [comes(carol), 9_000],
        [goes(carol), 1_000],
      ],
    ],
    [
      "if the first requests find no connection",
      [
        [fails(/Delayed/, "network", 2), 0],
        [join(), 9_000],
        [leave, 1_000],
      ],
    ],
    [
      "if the first requests are limited",
      [
        [fails(/./, "rate-limited", 2), 0],
        [join(), 9_000],
        [leave, 1_000],
      ],
    ],
    [
      "if the delayed leave is gone at the leave",
      [
        [join(), 3_000],
        [fails(/sendScheduled/, "not-found"), 0],
        [leave, 4_000],
      ],
    ],
    [
      "if the leave takes too long",
      [
        [join(), 3_000],
        [fails(/./, "never answered", 9), 0],
        [leaveWithin(500), 1_000],
      ],
    ],
    [
      "if the server has lost the delayed leave once",
      [
        [join(), 3_000],
        [fails(/restart/, "not-found"), 3_000],
      ],
    ],
  ])("%s", async (_, steps) => {
    const [original, ours] = await played(steps);
    expect(ours).toEqual(original);
    expect(original!.length).toBeGreaterThan(1);
  });

  it("at any sequence of joins, leaves, intents, and others who come and go", async () => {
    const acts: readonly Act[] = [
      join(),
      join({ callIntent: "audio" }),
      leave,
      leave,
      intend("audio"),
      intend("video"),
      waits,
      comes(bob),
      comes(carol),
      goes(bob),
      goes(carol),
    ];
    const step = fc.tuple(fc.constantFrom(...acts), fc.constantFrom(100, 500, 3_000, 11_000));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
        const [original, ours] = await played(steps);
        expect(ours).toEqual(original);
      }),
      { numRuns: runs(60) },
    );
  });
});
