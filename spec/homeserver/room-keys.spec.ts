// Media keys as room events on a real homeserver, as clients of before 2026 write and read them. protocol.md 5.5.
import { Method, type MatrixEvent } from "matrix-js-sdk";
import { type KeyTransport, rtcSession } from "matrixrtc-rx";
import { describe, expect, it, onTestFinished } from "vitest";
import type { JoinMode } from "../../src/index.ts";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { sdkSession, slot } from "./watch.ts";

const keyType = "io.element.call.encryption_keys";

/** Joins by this library; what came to its device beside the room, and how it stands with each of the others. */
function join(who: RealDevice, roomId: string, transport: KeyTransport, mode: JoinMode = "compatibility") {
  const session = rtcSession(who.matrix, { roomId, slot });
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

/** The types of all events of a room that are no state, as the server holds them. */
async function typesOnTheServer({ client }: RealDevice, roomId: string): Promise<ReadonlySet<string>> {
  const path = `/rooms/${encodeURIComponent(roomId)}/messages`;
  const { chunk } = await client.http.authedRequest<{ chunk: { type: string; state_key?: string }[] }>(
    Method.Get,
    path,
    { dir: "b", limit: "100" },
  );
  return new Set(chunk.filter(({ state_key }) => state_key === undefined).map(({ type }) => type));
}

/** What a client reads in its timeline of the keys of somebody. */
const keysInTimeline = ({ client }: RealDevice, roomId: string, { userId }: RealDevice): readonly MatrixEvent[] =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []).filter(
    (event) => event.getType() === keyType && event.getSender() === userId,
  );

describe.each(["compatibility", "matrix_2_0"] as const)("In mode %s", (mode) => {
  it("two members understand each other by encrypted room events alone, also when one joins later", async (context) => {
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

it("a client of before 2026 reads our key and we read its, while one of today gets a message", async (context) => {
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
  figure(context, "from its event to our having its key", inMs(performance.now() - sentAt));

  await until(() => keysInTimeline(old, roomId, alice).length === 2);
  const [atFirst, onItsJoin] = keysInTimeline(old, roomId, alice).map((event) => event.getContent());
  const key = { index: 0, key: expect.stringMatching(/^[A-Za-z0-9+/]{22}$/) };
  expect(atFirst).toEqual({ keys: [key], device_id: alice.deviceId, call_id: "", sent_ts: expect.any(Number) });
  expect(onItsJoin).toMatchObject({ keys: (atFirst as { keys: unknown }).keys });
  expect(await typesOnTheServer(alice, roomId)).toEqual(new Set(["m.room.encrypted"]));
});
