import { filter, ignoreElements, map, merge, tap, timer } from "rxjs";
import { describe, it } from "vitest";
import { RtcError, rtcSession, type SessionJoinOptions } from "../src/index.ts";
import { virtualHomeserver } from "../src/testing/index.ts";
import { marbles } from "./support/marbles.ts";

const alice = "@alice:example.org";

/** The indexes of our own keys in a room that is encrypted from `encryptedTs` on. */
function ownKeys(options: SessionJoinOptions, encryptedTs: number) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
  const encrypted = encryptedTs === 0;
  const roomId = home.createRoom({ members: [alice], encrypted });
  const session = rtcSession(home.client(alice, "A"), { roomId, slot: "m.call#ROOM" });
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
    "are made at once in a room that is encrypted",
    marbles(({ expectObservable }) => {
      expectObservable(ownKeys({}, 0), "^ 50ms !").toBe("0");
    }),
  );

  it(
    "are made as soon as a room is known to be encrypted",
    marbles(({ expectObservable }) => {
      expectObservable(ownKeys({}, 20), "^ 50ms !").toBe("21ms 0");
    }),
  );

  it(
    "are made or not made whatever the room is, when that is said",
    marbles(({ expectObservable }) => {
      expectObservable(ownKeys({ encryptMedia: true }, 20), "^ 50ms !").toBe("0");
      expectObservable(ownKeys({ encryptMedia: false }, 0), "^ 50ms !").toBe("");
    }),
  );

  it(
    "are not to go as room events into a room that is not encrypted: joining fails, unless they may wait",
    marbles(({ expectObservable }) => {
      const message = "keyTransport must be to-device: the room is not encrypted";
      for (const keyTransport of ["room-event", "both"] as const) {
        const refused$ = ownKeys({ encryptMedia: true, keyTransport }, 20);
        expectObservable(refused$, "^ 50ms !").toBe("#", undefined, new RtcError("bad-argument", message));
        expectObservable(ownKeys({ keyTransport }, 20), "^ 50ms !").toBe("21ms 0");
        expectObservable(ownKeys({ encryptMedia: true, keyTransport }, 0), "^ 50ms !").toBe("0");
      }
    }),
  );
});
