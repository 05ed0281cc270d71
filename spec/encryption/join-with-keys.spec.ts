// Joining with media keys: when keys are made, and what ends a join.
import {
  catchError,
  distinctUntilChanged,
  endWith,
  filter,
  ignoreElements,
  map,
  merge,
  mergeMap,
  of,
  take,
  tap,
  throwError,
  timer,
} from "rxjs";
import { describe, expect, it } from "vitest";
import { type Matrix, MatrixError, RtcError } from "../../src/index.ts";
import { encryptedSession, type EncryptedJoinOptions } from "../../src/encryption/index.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { stateContent, stateMember } from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";

const alice = "@alice:example.org";

/** The indexes of our own keys in a room that is encrypted from `encryptedTs` on. */
function ownKeys(options: EncryptedJoinOptions, encryptedTs: number) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
  const encrypted = encryptedTs === 0;
  const roomId = home.createRoom({ members: [alice], encrypted });
  const session = encryptedSession(home.client(alice, "A"), { roomId, slot: "m.call#ROOM" });
  const encryption = {
    type: "m.room.encryption",
    stateKey: "",
    sender: alice,
    content: { algorithm: "m.megolm.v1.aes-sha2" },
  };
  const encrypting$ = timer(encryptedTs).pipe(
    filter(() => !encrypted),
    tap(() => home.setState(roomId, encryption)),
  );
  return merge(
    session.encryptionKey$.pipe(map(({ keyIndex }) => String(keyIndex))),
    merge(session.join(options), encrypting$).pipe(ignoreElements()),
  );
}

describe("Media keys", () => {
  it(
    "keys are made at once in an encrypted room",
    marbles(({ expectObservable }) => {
      expectObservable(ownKeys({}, 0), "^ 50ms !").toBe("0");
    }),
  );

  it(
    "keys are made as soon as the room is known to be encrypted",
    marbles(({ expectObservable }) => {
      expectObservable(ownKeys({}, 20), "^ 50ms !").toBe("21ms 0");
    }),
  );

  it(
    "keys are made in any room with enabled: true, and in none with enabled: false",
    marbles(({ expectObservable }) => {
      expectObservable(ownKeys({ keys: { enabled: true } }, 20), "^ 50ms !").toBe("0");
      expectObservable(ownKeys({ keys: { enabled: false } }, 0), "^ 50ms !").toBe("");
    }),
  );

  it.each(["room-event", "both"] as const)(
    "keys with transport %s wait for an encrypted room, or fail the join with enabled: true",
    (transport) =>
      marbles(({ expectObservable }) => {
        const error = new RtcError("bad-argument", "keys.transport must be to-device: the room is not encrypted");
        expectObservable(ownKeys({ keys: { transport } }, 20), "^ 50ms !").toBe("             21ms 0");
        expectObservable(ownKeys({ keys: { enabled: true, transport } }, 0), "^ 50ms !").toBe("0");
        expectObservable(ownKeys({ keys: { enabled: true, transport } }, 20)).toBe("#", undefined, error);
      })(),
  );

  it(
    "an unexpected error of the keys ends the join with an error, after a leave",
    marbles(({ cold, expectObservable, flush }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const roomId = home.createRoom({ members: [alice], encrypted: true });
      const client = home.client(alice, "A");
      const broken: Matrix = { ...client, toDevice$: cold("20ms #", undefined, new Error("a faulty port")) };
      const session = encryptedSession(broken, { roomId, slot: "m.call#ROOM" });
      const status$ = session.join().pipe(
        map(({ status }) => status),
        distinctUntilChanged(),
        catchError((error: RtcError) => throwError(() => `${error.code} by ${String(error.cause)}`)),
      );
      const error = "request-failed by Error: a faulty port";
      expectObservable(status$).toBe("j-----d 13ms #", { j: "joining", d: "joined" }, error);
      flush();
      expect(home.events(roomId).filter(({ type }) => type.endsWith("call.member"))).toHaveLength(2);
    }),
  );
});

describe("A join with keys", () => {
  const call = (latencyMs: number) => {
    const home = virtualHomeserver({ latencyMs, syncMs: 1 });
    const roomId = home.createRoom({ members: [alice], encrypted: true });
    const client = home.client(alice, "A");
    return () => encryptedSession(client, { roomId, slot: "m.call#ROOM" });
  };

  it(
    "makes no key while it waits for the leave before it",
    marbles(({ cold, expectObservable }) => {
      const open = call(20);
      const [first, second] = [open(), open()];
      const before$ = first.join({ leaveOn: timer(200) });
      const join$ = second.join().pipe(
        map((state) => (state.status === "joining" ? state.step : state.status)),
        distinctUntilChanged(),
      );
      const key$ = second.encryptionKey$.pipe(map(({ keyIndex }) => String(keyIndex)));
      expectObservable(before$.pipe(ignoreElements()), "    ^ 400ms !").toBe("221ms |");
      expectObservable(cold("201ms a").pipe(mergeMap(() => join$)), "^ 230ms !").toBe("201ms w 19ms s", {
        w: "waiting-for-leave",
        s: "checking-support",
      });
      expectObservable(key$, "                              ^ 230ms !").toBe("221ms 0");
    }),
  );

  it(
    "shows its present state to a later subscriber of the same stream",
    marbles(({ cold, expectObservable }) => {
      const status$ = call(1)()
        .join()
        .pipe(map(({ status }) => status));
      expectObservable(status$.pipe(ignoreElements()), "          ^ 30ms !").toBe("");
      expectObservable(cold("20ms a").pipe(mergeMap(() => status$)), "^ 30ms !").toBe("20ms d", { d: "joined" });
    }),
  );
});

describe("Our app, when it hears", () => {
  /** Runs a join, and returns each status with the number of keys that the session has at that moment. */
  const keysAt = (fault?: Parameters<ReturnType<typeof virtualHomeserver>["injectFault"]>[0]) => {
    const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
    const roomId = home.createRoom({ members: [alice], encrypted: true });
    if (fault) home.injectFault(fault, { fail: new MatrixError("forbidden", "no power"), times: 100 });
    const session = encryptedSession(home.client(alice, "A"), { roomId, slot: "m.call#ROOM" });
    const count = (word: string) => `${word} ${session.keys$.value.length}`;
    return session.join({ leaveOn: timer(100) }).pipe(
      map(({ status }) => count(status)),
      distinctUntilChanged(),
      endWith("end"),
      map((word) => (word === "end" ? count("end") : word)),
      catchError(({ code }: RtcError) => of(count(code))),
    );
  };

  it(
    "that we leave, and that the join has ended, has no keys any more",
    marbles(({ expectObservable }) => {
      expectObservable(keysAt()).toBe("i-----j 93ms l-(e|)", {
        i: "joining 1",
        j: "joined 1",
        l: "leaving 0",
        e: "end 0",
      });
    }),
  );

  it(
    "that the join has failed, has no keys any more",
    marbles(({ expectObservable }) => {
      expectObservable(keysAt({ request: "send" })).toBe("i-----l-(e|)", {
        i: "joining 1",
        l: "leaving 0",
        e: "join-refused 0",
      });
    }),
  );
});

describe("Keys for devices that their owner has signed alone", () => {
  const join = (keys: EncryptedJoinOptions["keys"]) => {
    const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
    const roomId = home.createRoom({ members: [alice], encrypted: true });
    const { isCrossSigned: _, ...client } = home.client(alice, "A");
    const options = { keys, leaveOn: timer(20) };
    return encryptedSession(client, { roomId, slot: "m.call#ROOM" }).join(options).pipe(ignoreElements());
  };

  it(
    "need a client that knows which devices are signed, unless no keys are exchanged",
    marbles(({ expectObservable }) => {
      const message = "keys.requireCrossSigned needs a client that knows which devices are signed";
      const error = new RtcError("unsupported", message);
      expectObservable(join({ requireCrossSigned: true })).toBe("#", {}, error);
      expectObservable(join({ requireCrossSigned: true, enabled: false })).toBe("22ms |");
      expectObservable(join({ requireCrossSigned: false })).toBe("22ms |");
    }),
  );
});

describe("A member whose key we lack, and who does not answer", () => {
  it(
    "makes us write our membership again",
    marbles(({ flush }) => {
      const bob = "@bob:example.org";
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const roomId = home.createRoom({ members: [alice, bob], encrypted: true });
      const session = encryptedSession(home.client(alice, "A"), { roomId, slot: "m.call#ROOM" });
      home.client(bob, "PHONE");
      const event = { type: stateMember, sender: bob, stateKey: `_${bob}_PHONE_m.call` };
      home.setState(roomId, { ...event, content: stateContent({ membershipID: `${bob}:PHONE` }) });
      const reasons: string[] = [];
      session.trace$.subscribe((entry) => entry.kind === "membership-sent" && reasons.push(entry.reason));
      session.join({ leaveOn: timer(20_000) }).subscribe();
      timer(1_000, 1_000)
        .pipe(
          take(18),
          map(() => ({ participantIdentity: `${bob}:PHONE`, result: "missing-key" }) as const),
        )
        .subscribe((report) => session.decryption.next(report));
      flush();
      expect(reasons).toEqual(["join", "keys-unanswered"]);
    }),
  );
});

describe("Reports of the media layer", () => {
  it("reports are ignored while we are not joined, also when their stream completes", () => {
    const home = virtualHomeserver();
    const roomId = home.createRoom({ members: [alice], encrypted: true });
    const session = encryptedSession(home.client(alice, "A"), { roomId, slot: "m.call#ROOM" });
    const trace: string[] = [];
    session.trace$.subscribe(({ kind }) => trace.push(kind));
    of({ participantIdentity: "bob", result: "missing-key" } as const).subscribe(session.decryption);
    expect(trace).toEqual([]);
  });
});
