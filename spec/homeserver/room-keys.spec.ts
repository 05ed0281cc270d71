// Media keys as room events on a real homeserver, as clients older than 2026 write and read them. protocol.md 5.5.
import { Method, type MatrixEvent } from "matrix-js-sdk";
import { type KeyTransport, encryptedSession } from "matrixrtc-rx/encryption";
import { describe, expect, it, onTestFinished } from "vitest";
import type { JoinMode } from "../../src/index.ts";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { sdkSession, slot } from "./watch.ts";

const keyType = "io.element.call.encryption_keys";

/** Joins by this library. Returns its to-device messages and the index of its key of each other member. */
function join(who: RealDevice, roomId: string, transport: KeyTransport, mode: JoinMode = "compatibility") {
  const session = encryptedSession(who.matrix, { roomId, slot });
  const messages: string[] = [];
  const listening = who.matrix.toDevice$.subscribe(({ type }) => messages.push(type));
  const joining = session.join({ mode, keys: { transport, rotation: { graceMs: 60_000 } } }).subscribe();
  onTestFinished(() => {
    joining.unsubscribe();
    listening.unsubscribe();
  });
  const keyOf = ({ userId }: RealDevice) => {
    const status = [...session.encryptionStatus$.value.values()].find((one) => one.userId === userId);
    return status?.status === "ok" ? status.keyIndex : undefined;
  };
  return { session, messages, keyOf };
}

/** The types of all timeline events of a room on the server, without state events. */
async function typesOnTheServer({ client }: RealDevice, roomId: string): Promise<ReadonlySet<string>> {
  const path = `/rooms/${encodeURIComponent(roomId)}/messages`;
  const { chunk } = await client.http.authedRequest<{ chunk: { type: string; state_key?: string }[] }>(
    Method.Get,
    path,
    { dir: "b", limit: "100" },
  );
  return new Set(chunk.filter(({ state_key }) => state_key === undefined).map(({ type }) => type));
}

/** The key events of a user in the timeline of a client. */
const keysInTimeline = ({ client }: RealDevice, roomId: string, { userId }: RealDevice): readonly MatrixEvent[] =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []).filter(
    (event) => event.getType() === keyType && event.getSender() === userId,
  );

describe.each(["compatibility", "matrix_2_0"] as const)("In mode %s", (mode) => {
  it("members exchange keys by encrypted room events alone, also with a late joiner", async (context) => {
    const [alice, bob, carl] = [await device("alice"), await device("bob"), await device("carl")];
    const roomId = await roomOf(alice, bob, carl);
    const a = join(alice, roomId, "room-event", mode);
    const b = join(bob, roomId, "room-event", mode);
    await until(() => a.keyOf(bob) === 0 && b.keyOf(alice) === 0);
    const joinAt = performance.now();
    const c = join(carl, roomId, "room-event", mode);
    await until(() => [alice, bob].every((other) => c.keyOf(other) !== undefined) && a.keyOf(carl) === 0);
    figure(context, "from join to all keys, with other events less than 3 s ago", inMs(performance.now() - joinAt));
    await until(() => b.keyOf(carl) === 0);
    expect([a, b, c].map(({ messages }) => messages)).toEqual([[], [], []]);
    expect([a, b, c].map(({ session }) => session.statistics$.value.rejected)).toEqual([0, 0, 0]);
    expect(await typesOnTheServer(alice, roomId)).toEqual(new Set(["m.room.encrypted"]));
  });
});

it("a client older than 2026 and ours read each other's keys, while a current client gets a to-device message", async (context) => {
  const [alice, bob, old] = [await device("alice"), await device("bob"), await device("old")];
  const roomId = await roomOf(alice, bob, old);
  const a = join(alice, roomId, "both");
  const b = join(bob, roomId, "to-device");
  await until(() => a.keyOf(bob) === 0 && b.keyOf(alice) === 0);
  expect(b.messages).toContain(keyType);

  const { userId, deviceId, client } = old;
  const session = await sdkSession(old, roomId);
  const own = { userId, deviceId, memberId: `${userId}:${deviceId}` };
  session.joinRTCSession(own, [], undefined, { manageMediaKeys: false });
  onTestFinished(() => session.leaveRoomSession(1_000).then(() => {}));
  const content = { keys: [{ index: 5, key: "AAECAwQFBgcICQoLDA0ODw" }], device_id: deviceId, call_id: "" };
  const sentAt = performance.now();
  await client.sendEvent(roomId, keyType as never, { ...content, sent_ts: Date.now() } as never);
  await until(() => a.keyOf(old) === 5 && b.keyOf(old) === 5);
  figure(context, "from its event to its key at ours", inMs(performance.now() - sentAt));

  await until(() => keysInTimeline(old, roomId, alice).length === 2);
  const [atFirst, onItsJoin] = keysInTimeline(old, roomId, alice).map((event) => event.getContent());
  const key = { index: 0, key: expect.stringMatching(/^[A-Za-z0-9+/]{22}$/) };
  expect(atFirst).toEqual({ keys: [key], device_id: alice.deviceId, call_id: "", sent_ts: expect.any(Number) });
  expect(onItsJoin).toMatchObject({ keys: (atFirst as { keys: unknown }).keys });
  expect(await typesOnTheServer(alice, roomId)).toEqual(new Set(["m.room.encrypted"]));
});
