// Participant: a member of the call, and a watcher outside of it: sessions of the library as streams of events.
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
import { type Behavior, type Matrix, type Membership } from "matrixrtc-rx";
import { type EncryptionKey, encryptedSession, type EncryptedJoinOptions } from "matrixrtc-rx/encryption";
import type { CallEvent } from "./call-event.ts";

const slot = "m.call#ROOM";

/** `@alice:example.org` is called `alice` in this demo. */
const nameOf = ({ userId }: { readonly userId: string }): string => userId.slice(1, userId.indexOf(":"));

/** Joins while subscribed to, until `options.leaveOn` emits. */
export function participant(matrix: Matrix, roomId: string, options: EncryptedJoinOptions): Observable<CallEvent> {
  const session = encryptedSession(matrix, { roomId, slot });
  const member = nameOf(matrix);

  const keyMade$ = session.trace$.pipe(
    filter((trace) => trace.kind === "key-created"),
    map(({ keyIndex, reason, ts }): CallEvent => ({ ts, member, kind: "key-made", keyIndex, reason })),
  );
  const key$ = session.encryptionKey$.pipe(
    map((key): CallEvent => {
      const common = { ts: asyncScheduler.now(), member: nameOf(key), keyIndex: key.keyIndex, secret: secretOf(key) };
      return key.own ? { ...common, kind: "key-used" } : { ...common, kind: "key-held", to: member };
    }),
  );
  const hungUp$ = session.join(options).pipe(
    filter(({ status }) => status === "leaving"),
    map((): CallEvent => ({ ts: asyncScheduler.now(), member, kind: "hung-up" })),
    endWith(undefined),
  );
  return merge(keyMade$, key$, hungUp$).pipe(takeWhile((event) => event !== undefined));
}

const secretOf = ({ key }: EncryptionKey): string => Buffer.from(key).toString("base64");

/** Watches the call without joining it. Watching never writes. */
export function watcher(matrix: Matrix, roomId: string): Watcher {
  const { membership$ } = encryptedSession(matrix, { roomId, slot });
  const event$ = membership$.pipe(
    startWith([]),
    pairwise(),
    mergeMap(([before, after]) => [...onlyIn(after, before, "joined"), ...onlyIn(before, after, "gone")]),
  );
  return { membership$, event$ };
}

export interface Watcher {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly event$: Observable<CallEvent>;
}

function onlyIn(these: readonly Membership[], those: readonly Membership[], kind: "joined" | "gone"): CallEvent[] {
  const there = new Set(those.map(nameOf));
  return these
    .map(nameOf)
    .filter((member) => !there.has(member))
    .map((member) => ({ ts: asyncScheduler.now(), member, kind }));
}
