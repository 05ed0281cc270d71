// The recipes, over the virtual homeserver.
import {
  asyncScheduler,
  distinctUntilChanged,
  finalize,
  map,
  merge,
  NEVER,
  type Observable,
  startWith,
  switchMap,
  takeUntil,
  tap,
  timer,
} from "rxjs";
import { describe, expect, it } from "vitest";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { virtualHomeserver } from "matrixrtc-rx/testing";
import { attend, type Attendance } from "../../examples/recipes/attend.ts";
import { callLog } from "../../examples/recipes/call-log.ts";
import { followRoom } from "../../examples/recipes/follow-room.ts";
import { joinWithCamera } from "../../examples/recipes/mute.ts";
import { tiles } from "../../examples/recipes/tiles.ts";
import { marbles } from "../support/marbles.ts";

const slot = "m.call#ROOM";
const [alice, bob] = ["@alice:example.org", "@bob:example.org"] as const;

/** Alice and Bob, in one room of a homeserver that answers at once. */
function twoUsers(encrypted = false) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
  const roomId = home.createRoom({ members: [alice, bob], encrypted });
  const [phone, laptop] = [home.client(alice, "PHONE"), home.client(bob, "LAPTOP")];
  const sessionOf = (matrix: typeof phone) => encryptedSession(matrix, { roomId, slot });
  return { home, roomId, phone, laptop, ofAlice: sessionOf(phone), ofBob: sessionOf(laptop) };
}

describe("followRoom", () => {
  it(
    "leaves a room when the user goes to another room, or to none",
    marbles(({ cold, flush }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const [a, b] = [home.createRoom({ members: [alice, bob] }), home.createRoom({ members: [alice, bob] })];
      const room$ = cold("a 999ms b 999ms n", { a, b, n: undefined });
      const present = (roomId: string) =>
        encryptedSession(home.client(bob, "LAPTOP"), { roomId, slot }).membership$.pipe(map(({ length }) => length));

      const seen: string[] = [];
      merge(
        present(a).pipe(map((count) => `a${count}`)),
        present(b).pipe(map((count) => `b${count}`)),
        followRoom(home.client(alice, "PHONE"), room$).pipe(map((state) => (state ? "" : "nowhere"))),
      )
        .pipe(takeUntil(timer(2_500)))
        .subscribe((word) => word && seen.push(word));
      flush();
      expect(seen).toEqual(["a0", "b0", "a1", "a0", "b1", "nowhere", "b0"]);
    }),
  );
});

describe("callLog", () => {
  it(
    "says who came and went, and which keys were made",
    marbles(({ flush }) => {
      const { ofAlice } = twoUsers(true);
      const lines: string[] = [];
      callLog(ofAlice.trace$).subscribe((line) => lines.push(line));
      ofAlice.join({ leaveOn: timer(1_000) }).subscribe();
      flush();
      expect(lines).toEqual([
        "00:00:00 new key 0 (first)",
        `00:00:00 ${alice} joined`,
        `00:00:01 ${alice} left (left)`,
      ]);
    }),
  );
});

/** What a stream emits and when it ends, in words, in virtual time. */
function linesOf(attendance$: Observable<Attendance>): readonly string[] {
  const lines: string[] = [];
  const note = (text: string) => lines.push(`${Math.round(asyncScheduler.now() / 100) / 10}s ${text}`);
  attendance$.subscribe({
    next: ({ status, others }) => note(`${status}, ${others.length} others`),
    complete: () => note("complete"),
  });
  return lines;
}

describe("attend", () => {
  it(
    "leaves after the last other user, and completes",
    marbles(({ flush }) => {
      const { phone, roomId, ofBob } = twoUsers();
      ofBob.join({ leaveOn: timer(2_000) }).subscribe();
      const lines = linesOf(timer(1_000).pipe(switchMap(() => attend(phone, roomId, NEVER))));
      flush();
      expect(lines.at(0)).toBe("1s joining, 1 others");
      expect(lines).toContain("1s joined, 1 others");
      expect(lines.slice(-2)).toEqual(["2s leaving, 0 others", "2s complete"]);
    }),
  );

  it(
    "leaves at the stop signal while others stay, and nothing of it goes on",
    marbles(({ flush }) => {
      const { phone, roomId, ofBob } = twoUsers();
      ofBob.join({ leaveOn: timer(3_600_000) }).subscribe();
      const lines = linesOf(timer(1_000).pipe(switchMap(() => attend(phone, roomId, timer(1_000)))));
      flush();
      expect(lines.slice(-2)).toEqual(["2s leaving, 1 others", "2s complete"]);
    }),
  );
});

describe("joinWithCamera", () => {
  it(
    "changes the intent that others see, and nobody sees a leave",
    marbles(({ flush, hot }) => {
      const { ofAlice, ofBob } = twoUsers();
      const seen: string[] = [];
      ofBob.trace$.pipe(takeUntil(timer(4_000))).subscribe(({ kind }) => kind === "member-left" && seen.push("left"));
      ofBob.membership$
        .pipe(
          takeUntil(timer(4_000)),
          map(([member]) => member?.intent),
          distinctUntilChanged(),
        )
        .subscribe((intent) => seen.push(intent ?? "nobody"));
      const camera$ = hot("t 999ms f 999ms f 999ms t", { t: true, f: false }).pipe(startWith(true));
      joinWithCamera(ofAlice, camera$)
        .pipe(takeUntil(timer(4_000)))
        .subscribe();
      flush();
      expect(seen).toEqual(["nobody", "video", "audio", "video"]);
    }),
  );
});

describe("tiles", () => {
  it(
    "gives each member a stream of its own, which ends when the member leaves",
    marbles(({ flush }) => {
      const { ofAlice, ofBob } = twoUsers(true);
      const seen: string[] = [];
      tiles(ofAlice, (data$) => {
        let name = "";
        return data$.pipe(
          tap(({ member, encryption }) => {
            name = member.userId.slice(1, member.userId.indexOf(":"));
            seen.push(`${name} ${encryption?.status ?? "unknown"}`);
          }),
          finalize(() => seen.push(`${name} ends`)),
        );
      })
        .pipe(takeUntil(timer(4_000)))
        .subscribe();
      ofAlice.join({ leaveOn: timer(3_000) }).subscribe();
      timer(1_000)
        .pipe(switchMap(() => ofBob.join({ leaveOn: timer(1_000) })))
        .subscribe();
      flush();
      const of = (name: string) => seen.filter((line, at) => line.startsWith(name) && line !== seen[at - 1]);
      expect(of("bob").slice(-2)).toEqual(["bob ok", "bob ends"]);
      expect(of("alice").at(-1)).toBe("alice ends");
      expect(seen.indexOf("alice ends")).toBeGreaterThan(seen.indexOf("bob ends"));
    }),
  );
});
