// The problems of a mesh are shown once they have lasted, also if the wall clock is set meanwhile.
import { BehaviorSubject, NEVER, of } from "rxjs";
import { afterEach, expect, it, vi } from "vitest";
import type { MediaParticipant } from "../../../src/media/participant.ts";
import { membersNamed } from "../../../src/testing/index.ts";
import { meshProblems } from "../../../src/webrtc/mesh/mesh-problems.ts";

afterEach(() => void vi.useRealTimers());

it.each([0, -3_600_000])(
  "A member that cannot be reached is a problem after 3 s, with a clock set by %d ms",
  (byMs) => {
    vi.useFakeTimers({ now: 1e12 });
    const [bob] = membersNamed("bob");
    const participant = {
      member: bob!,
      encryption$: new BehaviorSubject({ status: "none" }),
      problem$: new BehaviorSubject({ code: "peer-failed", sinceTs: Date.now() }),
    } as unknown as MediaParticipant;
    const problems$ = meshProblems({
      state$: NEVER,
      participants$: of([participant]),
      deviceFailures$: of([]),
    });
    const seen: string[] = [];
    const listening = problems$.subscribe((problems) => seen.push(problems.map(({ code }) => code).join()));
    vi.advanceTimersByTime(1_000);
    vi.setSystemTime(Date.now() + byMs);
    vi.advanceTimersByTime(1_900);
    const before = [...seen];
    vi.advanceTimersByTime(200);
    expect({ before, seen }).toEqual({ before: [""], seen: ["", "member-unreachable"] });
    listening.unsubscribe();
  },
);
