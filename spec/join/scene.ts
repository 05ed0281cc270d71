// Scene: Alice joins a call of which Bob is a spectator, on a server 1 ms away. Requests and states as letters and words.
import { catchError, defer, distinctUntilChanged, filter, map, type Observable, Subject, take, throwError } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import type { SessionContext } from "../../src/session-context.ts";
import { type JoinOptions, resolveJoinOptions } from "../../src/join/options.ts";
import { ownMembership } from "../../src/join/join.ts";
import type { JoinState } from "../../src/join/join-state.ts";
import type { RtcError } from "../../src/errors.ts";
import type { Matrix } from "../../src/matrix.ts";
import { members } from "../../src/membership/members.ts";
import { memberNames, type RoomOptions, virtualHomeserver } from "../../src/testing/index.ts";
import type { VirtualHomeserverOptions } from "../../src/testing/index.ts";
import type { Membership } from "../../src/types.ts";
import type { TraceEntry } from "../../src/trace.ts";
import type { JoinTrace } from "../../src/join/trace.ts";
import { marbles } from "../support/marbles.ts";

export const alice = "@alice:example.org";
export const bob = "@bob:example.org";
export const carl = "@carl:example.org";
export const slot = "m.call#ROOM";
export const memberType = "org.matrix.msc3401.call.member";
export const stickyType = "org.matrix.msc4143.rtc.member";

export { marbles };

/** Acts in virtual time, and returns when nothing is left to happen: no timer is still running. */
export function toTheEnd(act: () => void): void {
  new TestScheduler(() => {}).run(({ flush }) => {
    act();
    flush();
  });
}

export interface SceneOptions extends VirtualHomeserverOptions, Partial<RoomOptions> {
  readonly strictSlots?: boolean;
}

/** A call as a session makes it. */
export function callOf(
  matrix: Matrix,
  roomId: string,
  trace: (entry: TraceEntry) => void = () => {},
  strictSlots = false,
): SessionContext<JoinTrace> {
  const reading = members(matrix, { roomId, slot, strictSlots, requireSlotEncryption: false }, (entries) => {
    for (const entry of entries) trace(entry);
  });
  return { matrix, roomId, slot, membership$: reading.membership$, slot$: reading.slot$, trace };
}

export function scene(options: SceneOptions = {}) {
  const { strictSlots = false } = options;
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1, ...options });
  const roomId = home.createRoom({ members: [alice, bob], ...options });
  const requests$ = new Subject<string>();
  const trace: TraceEntry[] = [];

  const call = callOf(lettersOf(home.client(alice, "A"), requests$), roomId, (entry) => trace.push(entry), strictSlots);
  const seenByBob$ = callOf(home.client(bob, "B"), roomId).membership$;
  return {
    home,
    roomId,
    call,
    trace,
    /** What Alice asks of the server: see `lettersOf`. */
    requests$: requests$.asObservable(),
    /** Whom Bob sees in the call. */
    seen$: seenByBob$.pipe(map(memberNames), distinctUntilChanged()),
    membership$: seenByBob$,
    /** Joins; waits have no random part unless `timing.jitter` is given. */
    join: ({ timing, ...join }: JoinOptions = {}, keysUnanswered$?: Observable<void>): Observable<JoinState> =>
      ownMembership(call, resolveJoinOptions(slot, { ...join, timing: { jitter: 0, ...timing } }), keysUnanswered$),
    /** All contents of one type that reached the server, oldest first. */
    sent: (type: string) => home.events(roomId).flatMap((event) => (event.type === type ? [event.content] : [])),
  };
}

/**
 * `C`apability, `D`elayed leave scheduled, `W`rite of the membership, `R`estart, `S`end of the delayed leave, `X` cancel
 * of it, `L`eave, `O`pen slot. States are in lower case.
 */
function lettersOf(matrix: Matrix, requests$: Subject<string>): Matrix {
  const noted = <T>(letter: string, effect$: Observable<T>): Observable<T> =>
    defer(() => {
      requests$.next(letter);
      return effect$;
    });
  return {
    ...matrix,
    delayedEventLimits: () => noted("C", matrix.delayedEventLimits()),
    schedule: (event, delayMs) => noted("D", matrix.schedule(event, delayMs)),
    send: (event) => {
      const letter = event.type.endsWith(".slot") ? "O" : "application" in event.content ? "W" : "L";
      return noted(letter, matrix.send(event));
    },
    updateDelayedEvent: (delayId, action, options) => {
      const letter = { restart: "R", send: "S", cancel: "X" }[action];
      return noted(letter, matrix.updateDelayedEvent(delayId, action, options));
    },
  };
}

/** States in words, each when the words change: how long the delayed leave lasts is left out. Errors as their codes. */
export const inWords = (state$: Observable<JoinState>): Observable<string> =>
  state$.pipe(
    map(wordsOf),
    distinctUntilChanged(),
    catchError((error: RtcError) => throwError(() => error.code)),
  );

/** The instances of a user in the order in which they are seen, as words: none, first, second, ... */
export const lastJoinsOf =
  (userId: string) =>
  (members$: Observable<readonly Membership[]>): Observable<string> =>
    defer(() => {
      const instances: string[] = [];
      return members$.pipe(
        map((list) => list.find((member) => member.userId === userId)?.instance),
        map((instance) => {
          if (instance === undefined) return "none";
          if (!instances.includes(instance)) instances.push(instance);
          return ["first", "second", "third"][instances.indexOf(instance)] ?? "later";
        }),
        distinctUntilChanged(),
      );
    });

/** The first time that we are joined, as a `j`, or the error that comes instead. */
export const firstJoin = (state$: Observable<JoinState>): Observable<string> =>
  inWords(state$).pipe(
    filter((words) => words.startsWith("joined")),
    take(1),
    map(() => "j"),
  );

/** The words of a smooth join, and of its end. */
export const smooth = {
  a: "checking-support",
  d: "scheduling-leave",
  w: "sending-membership",
  j: "joined, armed",
  u: "joined, unsupported",
  p: "joined, armed, probably left",
  l: "leaving",
};

function wordsOf(state: JoinState): string {
  switch (state.status) {
    case "joining":
      return [state.step, ...again(state.attempt)].join(" ");
    case "joined":
      return ["joined", state.delayedLeave.status, ...(state.probablyLeft ? ["probably left"] : [])].join(", ");
    case "rejoining":
      return [state.reason, ...again(state.attempt)].join(" ");
    case "leaving":
      return "leaving";
  }
}

const again = (attempt: number): string[] => (attempt > 1 ? [String(attempt)] : []);
