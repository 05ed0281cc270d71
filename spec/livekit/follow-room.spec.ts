import { EventEmitter } from "node:events";
import { Subject } from "rxjs";
import { expect, it } from "vitest";
import { followRoom } from "../../src/livekit/follow-room.ts";
import type { DecryptionReport } from "../../src/types.ts";

const setUp = () => {
  const session = { decryption: new Subject<DecryptionReport>() };
  const reports: DecryptionReport[] = [];
  session.decryption.subscribe((report) => reports.push(report));
  const room = new EventEmitter();
  const fail = (identity: string) =>
    room.emit("encryptionError", new Error(`MissingKey: missing key at index 3 for participant ${identity}`), {
      identity,
    });
  return { session, reports, room, fail };
};

it("followRoom passes the reports of a room on to the session while it is subscribed to", () => {
  const { session, reports, room, fail } = setUp();
  const following$ = followRoom(session, room as never);
  fail("too-early");
  const emitted: never[] = [];
  const following = following$.subscribe((value) => emitted.push(value));
  fail("bob");
  following.unsubscribe();
  fail("too-late");
  expect(reports).toEqual([{ participantIdentity: "bob", result: "missing-key", keyIndex: 3 }]);
  expect(emitted).toEqual([]);
  expect(room.listenerCount("encryptionError")).toBe(0);
});

it("followRoom serves several rooms of one session, and leaves the session open when it ends", () => {
  const { session, reports, room, fail } = setUp();
  const other = setUp();
  const first = followRoom(session, room as never).subscribe();
  const second = followRoom(session, other.room as never).subscribe();
  fail("bob");
  first.unsubscribe();
  other.fail("carol");
  second.unsubscribe();
  expect(reports.map(({ participantIdentity }) => participantIdentity)).toEqual(["bob", "carol"]);
  expect(session.decryption.closed).toBe(false);
  expect(session.decryption.isStopped).toBe(false);
});
