// Key messages on the wire, against the examples E8 to E10 and the vectors K1 and K2 of protocol.md 12.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../src/room/base64.ts";
import { keyMessage, parseKeyMessage, parseRoomKeys, roomKeyEvent } from "../../src/keys/wire.ts";

const roomId = "!kitchen:example.org";
const memberId = "0b1d6b1e-6a0c-4b52-9f57-9c2a1b7f3e11";
const deviceId = "PHONEXYZ";
const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => index);
const outgoing = { roomId, slot: "m.call#ROOM", memberId, deviceId, keyIndex: 0, sentTs: 1790000000500 };

/** The fields that our messages have beyond the examples. */
const ours = { "rx.matrixrtc.slot_id": "m.call#ROOM", "rx.matrixrtc.ratchet_window": 8 };
const e8 = {
  keys: { index: 0, key: "AAECAwQFBgcICQoLDA0ODw==" },
  room_id: roomId,
  member: { id: memberId, claimed_device_id: deviceId },
  session: { call_id: "", application: "m.call", scope: "m.room" },
  sent_ts: 1790000000500,
};
const e9 = {
  room_id: roomId,
  member_id: memberId,
  media_key: { index: 0, key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" },
  format: 0,
};
const e10 = {
  keys: [{ index: 0, key: "AAECAwQFBgcICQoLDA0ODw" }],
  device_id: deviceId,
  call_id: "",
  sent_ts: 1790000000500,
};

describe("a key message", () => {
  it("a message in today's format is example E8 with its slot", () => {
    const message = keyMessage("io.element.call.encryption_keys", { ...outgoing, key: bytes(16) });
    expect(message).toEqual({ type: "io.element.call.encryption_keys", content: { ...e8, ...ours } });
  });

  it("a message in the proposal's format is example E9 with its slot and its time", () => {
    const message = keyMessage("m.rtc.encryption_key", { ...outgoing, key: bytes(32) });
    const time = { "rx.matrixrtc.sent_ts": outgoing.sentTs };
    expect(message).toEqual({ type: "org.matrix.msc4143.rtc.encryption_key", content: { ...e9, ...ours, ...time } });
  });

  it("a message is read back with all that it says, also with a request", () => {
    for (const format of ["io.element.call.encryption_keys", "m.rtc.encryption_key"] as const) {
      for (const wantsKey of [true, false]) {
        const { content } = keyMessage(format, { ...outgoing, key: bytes(16), wantsKey });
        expect(parseKeyMessage(format, content).ok).toMatchObject({
          roomId,
          slot: "m.call#ROOM",
          memberId,
          keyIndex: 0,
          key: bytes(16),
          wantsKey,
          sentTs: outgoing.sentTs,
        });
      }
    }
  });

  it("any JSON is read or named malformed, without a throw", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (content, isNew) => {
        const { ok, malformed } = parseKeyMessage(
          isNew ? "m.rtc.encryption_key" : "io.element.call.encryption_keys",
          content,
        );
        expect(malformed !== undefined || ok.key.length >= 16).toBe(true);
      }),
    );
  });
});

describe("a key in the timeline", () => {
  it("a timeline event is example E10", () => {
    const event = roomKeyEvent({ ...outgoing, key: bytes(16) });
    expect(event).toEqual({ type: "io.element.call.encryption_keys", content: e10 });
  });

  it("a timeline event for another slot names it, so that old clients ignore it", () => {
    const { content } = roomKeyEvent({ ...outgoing, slot: "org.board#1", key: bytes(16) });
    expect(content).toEqual({ ...e10, call_id: "org.board#1" });
    expect(parseRoomKeys(content).ok).toMatchObject({ slot: "org.board#1" });
  });

  it("a timeline event is read up to its 256th key: a device has no more", () => {
    const { keys, ...rest } = roomKeyEvent({ ...outgoing, key: bytes(16) }).content;
    const content = { ...rest, keys: [...Array(256).fill(null), ...(keys as object[])] };
    expect(parseRoomKeys(content).ok?.keys).toEqual([]);
    expect(parseRoomKeys({ ...content, keys: content.keys.slice(1) }).ok?.keys).toHaveLength(1);
  });

  it("a timeline event is read back with any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.integer({ min: 0, max: 255 }),
        (key, keyIndex) => {
          const { content } = roomKeyEvent({ ...outgoing, keyIndex, key });
          expect(JSON.stringify(content)).not.toContain("=");
          expect(parseRoomKeys(content).ok).toEqual({
            slot: "m.call#ROOM",
            deviceId,
            keys: [{ keyIndex, key: Uint8Array.from(key) }],
          });
        },
      ),
    );
  });
});

describe("base64", () => {
  it("base64 is read in each of its spellings", () => {
    const key = Uint8Array.from({ length: 16 }, () => 0xfb);
    const padded = toBase64(key);
    for (const text of [padded, padded.replace(/=/g, ""), padded.replaceAll("+", "-").replaceAll("/", "_")]) {
      expect(fromBase64(text)).toEqual(key);
    }
  });

  it("invalid base64 reads as nothing", () => {
    for (const text of ["!", "A", "ä", "AA==AA=="]) expect(fromBase64(text)).toBeUndefined();
  });

  it("base64 of any bytes is read back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (key) => {
        expect([...(fromBase64(toBase64(key)) ?? [])]).toEqual([...key]);
      }),
    );
  });
});
