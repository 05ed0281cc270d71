// Missing keys: others see us join again, without leaving, so that they send their media keys again. protocol.md 5.7.
import { filter, map, type Observable, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinMode } from "../../src/join/options.ts";
import { objectOr } from "../../src/room/json.ts";
import type { Membership } from "../../src/types.ts";
import { alice, bob, inWords, marbles, memberType, scene, smooth, stickyType, toTheEnd } from "./scene.ts";
import { contentInput, contentWith, lifecycle, own } from "./steps.ts";

const modes: readonly JoinMode[] = ["legacy", "compatibility", "matrix_2_0"];

const contentsOf = ({ home }: ReturnType<typeof scene>): Observable<Record<string, unknown>> =>
  home.event$.pipe(
    filter(({ type }) => type === memberType || type === stickyType),
    map(({ content }) => objectOr(content)),
  );

/** A member that joins again is answered. */
function rejoined(member: ReturnType<typeof lifecycle>): void {
  for (let [request] = member.open(); request; [request] = member.open())
    member.answers(request.kind === "schedule" ? "delay-2" : request.kind === "write" ? "$2" : undefined);
}

describe("Media keys that others do not send again", () => {
  it.each(modes)("make us write our membership once more without leaving, in %s mode", (mode) =>
    marbles(({ cold, expectObservable }) => {
      const { requests$, join, seen$ } = scene();
      const keysUnanswered$ = cold<void>("               1s x");
      const joining$ = join({ mode }, keysUnanswered$);
      expectObservable(requests$, "                  ^ 4s !").toBe("C-D-W-R 993ms W");
      expectObservable(seen$, "                      ^ 4s !").toBe("n-----a", { n: "", a: "alice" });
      expectObservable(inWords(joining$), "          ^ 4s !").toBe("a-d-w-j", smooth);
    })(),
  );

  it(
    "make a state member claim each time that it joined a millisecond later",
    marbles(({ cold, expectObservable }) => {
      const call = scene();
      const created$ = contentsOf(call).pipe(map((content) => String(content["created_ts"])));
      expectObservable(created$, "                                  ^ 4s !").toBe("-----j 995ms a 999ms b", {
        j: "undefined",
        a: "6",
        b: "7",
      });
      expectObservable(inWords(call.join({}, cold<void>("1s x 999ms x"))), "^ 4s !").toBe("a-d-w-j", smooth);
    }),
  );

  it(
    "do not change the content of a sticky member",
    marbles(({ cold, flush }) => {
      const call = scene();
      const contents: unknown[] = [];
      contentsOf(call).subscribe((content) => contents.push(content));
      call.join({ mode: "matrix_2_0", leaveOn: timer(2_000) }, cold<void>("1s x")).subscribe();
      flush();
      expect(contents).toHaveLength(3);
      expect(contents[1]).toEqual(contents[0]);
    }),
  );

  it.each(["legacy", "compatibility"] as const)("leave a member the same instance for others, in %s mode", (mode) => {
    const instances = new Set<string>();
    const createdTs = new Set<number>();
    toTheEnd(() => {
      const { membership$, join } = scene();
      membership$.pipe(takeUntil(timer(3_500))).subscribe((members: readonly Membership[]) => {
        for (const member of members) instances.add(member.instance);
        for (const member of members) createdTs.add(member.createdTs);
      });
      const unanswered$ = timer(1_000, 1_000).pipe(map(() => undefined));
      join({ mode, leaveOn: timer(3_600) }, unanswered$).subscribe();
    });
    expect([instances.size, createdTs.size]).toEqual([1, 4]);
  });

  it("do not move a state member in the list", () => {
    const lists: string[] = [];
    toTheEnd(() => {
      const { home, roomId, membership$, join } = scene();
      const others = { application: "m.call", call_id: "", device_id: "B", focus_active: { type: "livekit" } };
      const content = { ...others, foci_preferred: [] };
      timer(500).subscribe(() =>
        home.setState(roomId, { type: memberType, sender: bob, stateKey: `_${bob}_B`, content }),
      );
      membership$
        .pipe(takeUntil(timer(1_500)))
        .subscribe((members: readonly Membership[]) => lists.push(members.map(({ userId }) => userId).join()));
      join({ leaveOn: timer(2_000) }, timer(1_000).pipe(map(() => undefined))).subscribe();
    });
    expect(lists).toEqual(["", alice, `${alice},${bob}`, `${alice},${bob}`]);
  });

  it("are the reason of the write in the trace", () => {
    const { trace, join } = scene();
    toTheEnd(() => join({ leaveOn: timer(2_000) }, timer(1_000).pipe(map(() => undefined))).subscribe());
    expect(trace).toContainEqual({ kind: "membership-sent", reason: "keys-unanswered" });
    expect(trace).toContainEqual({ kind: "membership-written", reason: "keys-unanswered", by: "answer" });
  });

  it("cause no write before we are in the call", () => {
    const joining = lifecycle("state");
    expect(joining.input({ kind: "keys-unanswered" })).toEqual(["capability"]);
    expect(joining.state().publication.dirty).toBeUndefined();
  });

  it("cause a write only after the delayed leave is known to be alive", () => {
    const member = lifecycle("state");
    member.join();
    expect(member.at(17_000).input({ kind: "keys-unanswered" })).toEqual(["restart"]);
    expect(member.answers()).toEqual(["write"]);
  });

  it("cause one change of the claim, however often the write is retried", () => {
    const member = lifecycle("state");
    member.join();
    const before = member.state().presence.own?.createdTs ?? NaN;
    member.at(1_000).input({ kind: "keys-unanswered" });
    member.fails("network");
    member.at(2_000).input({ kind: "keys-unanswered" });
    expect(member.at(5_000).input({ kind: "clock" })).toContain("write");
    expect(
      member.state().requests.inFlight.map(({ request }) => "createdTs" in request && request.createdTs),
    ).toContain(before + 1);
  });

  const updateOf = (member: ReturnType<typeof lifecycle>) => {
    member.input({ kind: "membership", own: { ...own, eventId: "$2", createdTs: 19_000 } });
    member.at(25_000).input(contentWith("audio"));
    return member.open().find(({ kind }) => kind === "write");
  };
  const joinedAgain = { createdTs: 19_000, firstCreatedTs: undefined };

  it.each([
    ["before we have joined again", false],
    ["while the room still shows the instance before", true],
  ])("do not name the start of the instance before, if they come %s", (_, isWritten) => {
    const member = lifecycle("state");
    member.join();
    // The server has sent our leave, and the room has not shown it yet.
    member.at(5_000).input({ kind: "clock" });
    member.at(19_000).fails("not-found");
    expect(member.state().phase).toBe("rejoining");
    if (isWritten) rejoined(member);
    member.input({ kind: "membership", own });
    member.input({ kind: "keys-unanswered" });
    if (!isWritten) rejoined(member);
    expect(updateOf(member)).toMatchObject(joinedAgain);
  });

  it("do not name the start of an earlier page, if its event was taken for our join", () => {
    const member = lifecycle("state");
    member.at(19_000).input(contentInput);
    member.answers({});
    member.answers("delay-2");
    member.input({ kind: "membership", own: { ...own, eventId: "$0" } });
    expect(member.state().phase).toBe("joined");
    member.input({ kind: "keys-unanswered" });
    rejoined(member);
    expect(updateOf(member)).toMatchObject(joinedAgain);
  });

  it("spend from the budget of extra writes", () => {
    let writes = 0;
    toTheEnd(() => {
      const { requests$, join } = scene();
      requests$.subscribe((letter) => (writes += letter === "W" ? 1 : 0));
      join({ leaveOn: timer(3_600_000) }, timer(0, 1_000).pipe(map(() => undefined))).subscribe();
    });
    expect(writes).toBeGreaterThan(100);
    expect(writes).toBeLessThanOrEqual(1 + 130);
  });
});
