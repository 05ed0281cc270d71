// A participant of the demo, and one who only watches: sessions of the library as streams of happenings.
import {
  asyncScheduler,
  endWith,
  filter,
  map,
  merge,
  mergeMap,
  type Observable,
  pairwise,
  startWith,
  takeWhile,
} from "rxjs";
import {
  type Behavior,
  type EncryptionKey,
  type Matrix,
  type Membership,
  rtcSession,
  type SessionJoinOptions,
} from "matrixrtc-rx";
import type { Happening } from "./happening.ts";

const slot = "m.call#ROOM";

/** `@alice:example.org` is Alice, as far as this demo goes. */
const nameOf = ({ userId }: { readonly userId: string }): string => userId.slice(1, userId.indexOf(":"));

/** Is in the call while subscribed, and until `options.leaveOn`. */
export function participant(matrix: Matrix, roomId: string, options: SessionJoinOptions): Observable<Happening> {
  const session = rtcSession(matrix, { roomId, slot });
  const who = nameOf(matrix);

  const keyMade$ = session.trace$.pipe(
    filter((trace) => trace.kind === "key-created"),
    map(({ keyIndex, reason, ts }): Happening => ({ ts, who, kind: "key-made", keyIndex, reason })),
  );
  const key$ = session.encryptionKey$.pipe(
    map((key): Happening => {
      const common = { ts: asyncScheduler.now(), who: nameOf(key), keyIndex: key.keyIndex, secret: secretOf(key) };
      return key.own ? { ...common, kind: "key-used" } : { ...common, kind: "key-held", to: who };
    }),
  );
  const hungUp$ = session.join(options).pipe(
    filter(({ status }) => status === "leaving"),
    map((): Happening => ({ ts: asyncScheduler.now(), who, kind: "hung-up" })),
    endWith(undefined),
  );
  return merge(keyMade$, key$, hungUp$).pipe(takeWhile((happening) => happening !== undefined));
}

const secretOf = ({ key }: EncryptionKey): string => Buffer.from(key).toString("base64");

/** Somebody who is in the room but not in the call, and sees who comes and goes. Watching never writes. */
export function watcher(matrix: Matrix, roomId: string): Watcher {
  const { membership$ } = rtcSession(matrix, { roomId, slot });
  const happening$ = membership$.pipe(
    startWith([]),
    pairwise(),
    mergeMap(([before, after]) => [...onlyIn(after, before, "joined"), ...onlyIn(before, after, "gone")]),
  );
  return { membership$, happening$ };
}

export interface Watcher {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly happening$: Observable<Happening>;
}

function onlyIn(these: readonly Membership[], those: readonly Membership[], kind: "joined" | "gone"): Happening[] {
  const there = new Set(those.map(nameOf));
  return these
    .map(nameOf)
    .filter((who) => !there.has(who))
    .map((who) => ({ ts: asyncScheduler.now(), who, kind }));
}
