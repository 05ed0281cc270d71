import { distinctUntilChanged, filter, map } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { objectOr } from "../../src/room/json.ts";
import { alice, inWords, marbles, memberType, scene, smooth } from "./scene.ts";
import { contentInput, lifecycle, own } from "./steps.ts";

const stateKey = `_${alice}_A_m.call`;
const phone = { userId: alice, deviceId: "A" };
const words = { ...smooth, v: "vanished", b: "left-by-server" };
const seen = { n: "", a: "alice", b: "alice/A alice/A" };

describe("A member that is no longer shown", () => {
  it(
    "joins again when its state is overwritten, with the delayed leave that is still alive",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, seen$, join } = scene();
      cold("1s x").subscribe(() => home.setState(roomId, { type: memberType, sender: alice, stateKey, content: {} }));
      expectObservable(requests$, "      ^ 2s !").toBe("C-D-W-R 994ms R-W-R");
      expectObservable(seen$, "          ^ 2s !").toBe("n-----a 994ms n---a", seen);
      expectObservable(inWords(join()), "^ 2s !").toBe("a-d-w-j 994ms v---j", words);
    }),
  );

  it(
    "joins again as a new instance after the server has sent its leave",
    marbles(({ cold, expectObservable }) => {
      const { home, seen$, join } = scene();
      cold("1s  x").subscribe(() => home.adjust(phone, { connection: "offline" }));
      cold("25s x").subscribe(() => home.adjust(phone, { connection: "online" }));
      const written$ = home.event$.pipe(
        filter(({ type, content }) => type === memberType && "application" in objectOr(content)),
        map(({ content }) => ("created_ts" in objectOr(content) ? "update" : "join")),
      );
      expectObservable(written$, "       ^ 27s !").toBe("-----j 24998ms j", { j: "join" });
      expectObservable(seen$, "          ^ 27s !").toBe("n-----a 18001ms n 6996ms a", seen);
      expectObservable(inWords(join()), "^ 27s !").toBe("a-d-w-j 17999ms p 6994ms v---j", words);
    }),
  );

  it(
    "joins again by itself after the server was down, and others see one leave",
    marbles(({ cold, expectObservable }) => {
      const { home, seen$, join } = scene();
      cold("1s  x").subscribe(() => home.stop());
      cold("21s x").subscribe(() => home.start());
      expectObservable(seen$, "          ^ 60s !").toBe("n-----a 20994ms n---a", seen);
      expectObservable(inWords(join()), "^ 60s !").toBe("a-d-w-j 17999ms p 2994ms v---j", words);
    }),
  );

  it(
    "joins again after its page was frozen for longer than the delay",
    marbles(({ cold, expectObservable }) => {
      const { home, seen$, join } = scene();
      cold("1s x").subscribe(() => home.adjust(phone, { connection: "frozen" }));
      cold("5m x").subscribe(() => home.adjust(phone, { connection: "online" }));
      expectObservable(seen$, "          ^ 10m !").toBe("n-----a 18001ms n 281996ms a", seen);
      expectObservable(inWords(join()), "^ 10m !").toBe("a-d-w-j 17999ms p 281994ms v---j", words);
    }),
  );

  it(
    "joins again as a new member in matrix_2_0 mode",
    marbles(({ cold, expectObservable }) => {
      const { home, seen$, join } = scene();
      cold("1s  x").subscribe(() => home.adjust(phone, { connection: "offline" }));
      cold("25s x").subscribe(() => home.adjust(phone, { connection: "online" }));
      const ids: string[] = [];
      const nameOf = (id: string) => String(ids.includes(id) ? ids.indexOf(id) : ids.push(id) - 1);
      const member$ = join({ mode: "matrix_2_0" }).pipe(
        map(({ member }) => nameOf(member.memberId)),
        distinctUntilChanged(),
      );
      expectObservable(member$, "^ 27s !").toBe("a 25s b", { a: "0", b: "1" });
      expectObservable(seen$, "  ^ 27s !").toBe("n-----a 18001ms n 6996ms a", seen);
    }),
  );

  it(
    "sends a leave for the member that it has replaced, if the room still shows that member",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, seen$, join } = scene();
      const fail = new MatrixError("network", "no answer");
      cold("1s x").subscribe(() => home.injectFault({ request: "restart" }, { fail, times: 13 }));
      cold("1s x").subscribe(() => home.loseDelayed(alice));
      const states$ = inWords(join({ mode: "matrix_2_0" }));
      expectObservable(requests$.pipe(filter((one) => one !== "R")), "^ 24s !").toBe("C-D-W 18029ms D-W-L");
      expectObservable(seen$, "  ^ 24s !").toBe("n-----a 18031ms b-a", seen);
      expectObservable(states$, "^ 24s !").toBe("a-d-w-j 17999ms p 27ms b---j", words);
    }),
  );

  it(
    "is not misled by the membership of an earlier page of this device, nor by its delayed leave",
    marbles(({ expectObservable }) => {
      const { home, roomId, requests$, join, membership$ } = scene();
      const content = { application: "m.call", call_id: "", device_id: "A", focus_active: { type: "livekit" } };
      const earlier = home.client(alice, "A");
      home.setState(roomId, { type: memberType, sender: alice, stateKey, content });
      earlier.schedule({ roomId, type: memberType, stateKey, content: {} }, 500).subscribe();
      const created$ = membership$.pipe(map((members) => members.map(({ createdTs }) => createdTs).join()));
      expectObservable(requests$, "      ^ 1s !").toBe("C-D-W-R 495ms R-W-R");
      expectObservable(created$, "       ^ 1s !").toBe("no----a 495ms n---b", { n: "", o: "0", a: "5", b: "505" });
      expectObservable(inWords(join()), "^ 1s !").toBe("a-d-w-j 495ms v---j", words);
    }),
  );

  it(
    "joins again when its state is overwritten in the sync that would have shown it",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene({ syncMs: 100 });
      cold("10ms x").subscribe(() => home.setState(roomId, { type: memberType, sender: alice, stateKey, content: {} }));
      expectObservable(requests$, "      ^ 12s !").toBe("C-D-W-R 4999ms R 4997ms R-W-R");
      expectObservable(inWords(join()), "^ 12s !").toBe("a-d-w-j 9997ms         v---j", words);
    }),
  );
});

describe("A page that is reloaded, and is shown the past step by step", () => {
  const earlier = { ...own, eventId: "$0", createdTs: 0 };
  const shown = (which: typeof own | undefined, more: object = {}) =>
    ({ kind: "membership", own: which, ...more }) as const;
  const asked = () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    steps.answers({});
    steps.answers("delay-1");
    return steps;
  };

  it("is neither in the call by the membership of the page before nor out of it by its leave", () => {
    const steps = asked();
    steps.answers("$1");
    steps.answers();
    expect(steps.at(100).input(shown(earlier))).toEqual([]);
    expect(steps.state().presence.isEchoed).toBe(false);
    expect(steps.at(200).input(shown(undefined, { leaveId: "$l" }))).toEqual([]);
    expect(steps.at(300).input(shown(own))).toEqual([]);
    expect([steps.state().phase, steps.state().presence.isEchoed]).toEqual(["joined", true]);
  });

  it("is in the call by its own write, also if the answer comes after the past", () => {
    const steps = asked();
    expect(steps.at(100).input(shown(earlier))).toEqual(["restart"]);
    steps.answers("$1");
    expect(steps.state().presence.isEchoed).toBe(false);
    expect(steps.at(200).input(shown(undefined, { leaveId: "$l" }))).toEqual([]);
    steps.at(300).input(shown(own));
    expect([steps.state().phase, steps.state().presence.isEchoed]).toEqual(["joined", true]);
  });

  it("counts for ten seconds only: what the room shows then is what there is", () => {
    const steps = asked();
    steps.answers("$1");
    steps.answers();
    steps.at(9_999).input(shown(earlier));
    expect(steps.state().presence.isEchoed).toBe(false);
    steps.at(10_000).input(shown({ ...earlier, eventId: "$2" }));
    expect(steps.state().presence.isEchoed).toBe(true);
  });
});

describe("The time until the room shows us (4.8)", () => {
  const joinUnseen = () => {
    const steps = lifecycle("state");
    steps.input(contentInput);
    steps.answers({});
    steps.answers("delay-1");
    steps.answers("$1");
    steps.answers();
    return steps;
  };

  it("is ten seconds in which our absence does not count", () => {
    const steps = joinUnseen();
    expect(steps.at(3_000).input({ kind: "membership", own: undefined })).toEqual([]);
    expect(steps.at(9_000).input({ kind: "membership", own })).toEqual(["restart"]);
    expect(steps.at(10_000).input({ kind: "clock" })).toEqual([]);
    expect(steps.state().phase).toBe("joined");
  });

  it("is over when the room has shown us once", () => {
    const steps = joinUnseen();
    steps.at(1_000).input({ kind: "membership", own });
    expect(steps.at(2_000).input({ kind: "membership", own: undefined })).toEqual(["restart"]);
    expect(steps.state().phase).toBe("rejoining");
  });

  it("is followed by another join, and by more with growing waits if the room never shows us", () => {
    const steps = joinUnseen();
    const writes: number[] = [];
    for (let ts = 1_000; ts <= 3_600_000; ts += 1_000) {
      steps.at(ts).input({ kind: "membership", own: undefined });
      steps.answerAll((kind) => kind === "write" && writes.push(ts));
    }
    expect(writes.slice(0, 5)).toEqual([10_000, 30_000, 60_000, 110_000, 200_000]);
    expect(writes.length).toBeLessThan(20);
  });
});

describe("An outage", () => {
  it("makes retries rarer while it lasts, and is over at once when the client is in touch again", () => {
    const steps = lifecycle("state", { maxRetries: 1 });
    steps.join();
    for (const ts of [5_000, 6_000, 7_000, 8_000]) {
      steps.at(ts).input({ kind: "clock" });
      steps.fails("network");
    }
    expect(steps.at(17_000).input({ kind: "clock" })).toEqual([]);
    expect(steps.input({ kind: "resumed" })).toEqual(["restart"]);
  });

  it("does not shorten a wait that the server has asked for", () => {
    const steps = lifecycle("state");
    steps.join();
    steps.at(5_000).input({ kind: "clock" });
    steps.fails("rate-limited");
    expect(steps.at(6_000).input({ kind: "resumed" })).toEqual([]);
    expect(steps.at(10_000).input({ kind: "clock" })).toEqual(["restart"]);
  });
});
