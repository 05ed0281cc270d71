// A session without media keys: it joins, and sends and takes no keys.
import { ignoreElements, last, map, mergeMap, NEVER, Subject, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { encryptedSession } from "../src/encryption/index.ts";
import { type Matrix, RtcError, rtcSession } from "../src/index.ts";
import { livekitMedia } from "../src/livekit/index.ts";
import { virtualHomeserver } from "../src/testing/index.ts";
import { marbles } from "./support/marbles.ts";

const [alice, bob] = ["@alice:example.org", "@bob:example.org"];

/** An encrypted room with a member who has media keys, and our client. */
function encryptedCall() {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
  const roomId = home.createRoom({ members: [alice, bob], encrypted: true });
  const call = { roomId, slot: "m.call#ROOM" };
  const keyed = encryptedSession(home.client(bob, "LAPTOP"), call);
  return { home, call, keyed, matrix: home.client(alice, "PHONE") };
}

describe("A session without media keys", () => {
  it(
    "joins and leaves in an encrypted room without sending a key, also if others have keys",
    marbles(({ expectObservable }) => {
      const { call, matrix, keyed } = encryptedCall();
      const keys$ = new Subject<string>();
      const noting: Matrix = {
        ...matrix,
        sendToDevice: (devices, type, content) => {
          keys$.next("key");
          return matrix.sendToDevice(devices, type, content);
        },
      };
      const session = rtcSession(noting, call);
      const sizes$ = session.membership$.pipe(map(({ length }) => String(length)));
      expectObservable(keyed.join().pipe(ignoreElements()), "            ^ 9s !").toBe("");
      expectObservable(
        session.join({ leaveOn: timer(5_000) }).pipe(
          last(),
          map(({ status }) => status),
        ),
      ).toBe("5002ms (l|)", { l: "leaving" });
      expectObservable(keys$, "      ^ 8s !").toBe("");
      expectObservable(sizes$, "     ^ 8s !").toBe("0-----2 4995ms 1");
    }),
  );

  it("refuses to join with options that ask for keys", () => {
    const { call, matrix } = encryptedCall();
    const join = (keys: object) => () => rtcSession(matrix, call).join({ keys } as never);
    for (const keys of [{}, { enabled: true }, { enabled: undefined }, { rotation: {} }])
      expect(join(keys)).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(join({ enabled: false })).not.toThrow();
  });

  it("is refused by media over LiveKit, which would be sent in the clear", () => {
    const { call, matrix } = encryptedCall();
    const session = rtcSession(matrix, call) as never;
    const open = () => livekitMedia(matrix as never, session, { join: NEVER, rooms: () => ({}) as never });
    expect(open).toThrow(RtcError);
    expect(open).toThrow("encryptedSession");
  });

  it(
    "shares one join among the subscribers of a stream, and shows its present state first",
    marbles(({ cold, expectObservable }) => {
      const { call, matrix } = encryptedCall();
      const state$ = rtcSession(matrix, call)
        .join()
        .pipe(map(({ status }) => status));
      const later$ = cold("2s a").pipe(mergeMap(() => state$));
      expectObservable(state$.pipe(ignoreElements()), "^ 3s !").toBe("");
      expectObservable(later$, "                       ^ 3s !").toBe("2s j", { j: "joined" });
    }),
  );
});
