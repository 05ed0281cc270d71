// Ringing on a real homeserver: two devices each of two users, in an encrypted room, and matrix-js-sdk 43 on the other side.
import { ClientEvent, createClient, type MatrixClient, type MatrixEvent, SyncState } from "matrix-js-sdk";
import { parseCallNotificationContent } from "matrix-js-sdk/lib/matrixrtc/index.js";
import { filter, firstValueFrom, lastValueFrom, map, type Observable, timeout } from "rxjs";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { callHistory } from "matrixrtc-rx/history";
import { fromMatrixClient, type MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { type Ringing, type RingState, type RingTrace, watchRinging } from "matrixrtc-rx/ringing";
import { first, registerUser, until } from "./device.ts";

const slot = "m.call#ROOM";

interface Phone {
  readonly client: MatrixClient;
  readonly matrix: MatrixClientPort;
  readonly userId: string;
  cutOff(): void;
  reconnect(): void;
}

/** Two devices of a new user, both syncing. */
async function twoPhones(name: string): Promise<readonly [Phone, Phone]> {
  const user = await registerUser(name);
  const baseUrl = inject("homeserver");
  const login = await fetch(`${baseUrl}/_matrix/client/v3/login`, {
    method: "POST",
    body: JSON.stringify({
      type: "m.login.password",
      identifier: { type: "m.id.user", user: user.userId },
      password: user.password,
    }),
  });
  const { device_id: deviceId, access_token: accessToken } = await login.json();
  const { userId } = user;
  return [await phone({ ...user, baseUrl }), await phone({ userId, deviceId, accessToken, baseUrl })];
}

type Account = Readonly<Record<"baseUrl" | "userId" | "deviceId" | "accessToken", string>>;

async function phone({ baseUrl, userId, deviceId, accessToken }: Account): Promise<Phone> {
  let cut = new AbortController();
  const fetchFn: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: AbortSignal.any([cut.signal, ...(init?.signal ? [init.signal] : [])]) });
  const client = createClient({ baseUrl, userId, deviceId, accessToken, fetchFn });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise<void>((resolve) =>
    client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve()),
  );
  await client.startClient();
  await synced;
  onTestFinished(() => client.stopClient());
  const cutOff = () => cut.abort(new TypeError("cut off"));
  return { client, matrix: fromMatrixClient(client), userId, cutOff, reconnect: () => (cut = new AbortController()) };
}

/** Two users with two devices each, in one encrypted room with an open slot. */
async function scene() {
  const [a, a2] = await twoPhones("alice");
  const [b, b2] = await twoPhones("bob");
  const { room_id: roomId } = await a.client.createRoom({
    invite: [b.userId],
    initial_state: [
      { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } },
      {
        type: "org.matrix.msc4143.rtc.slot",
        state_key: slot,
        content: {
          status: "open",
          application: { type: "m.call" },
          encryption: { type: "org.matrix.msc4143.per_member" },
        },
      },
    ],
    power_level_content_override: { events: { "org.matrix.msc3401.call.member": 0 } },
  });
  await b.client.joinRoom(roomId);
  const phones = [a, a2, b, b2];
  const knows = ({ matrix }: Phone) =>
    [a, b].every(({ userId }) => {
      const content = matrix.stateEvent(roomId, "m.room.member", userId)?.content as
        | { membership?: string }
        | undefined;
      return content?.membership === "join";
    });
  await until(() => phones.every(knows));
  const rings = phones.map(({ matrix }) => listening(watchRinging(matrix, { roomId, slot })));
  return { a, b, b2, roomId, rings: rings as [Listening, Listening, Listening, Listening] };
}

interface Listening {
  readonly ringing: Ringing;
  /** Each change between silence and ringing. */
  readonly sounds: string[];
  readonly trace: RingTrace[];
}

function listening(ringing: Ringing): Listening {
  const [sounds, trace]: [string[], RingTrace[]] = [[], []];
  const following = ringing.trace$.subscribe((entry) => trace.push(entry));
  following.add(ringing.incoming$.subscribe(([call]) => sounds.push(call?.status ?? "silent")));
  onTestFinished(() => following.unsubscribe());
  return { ringing, sounds, trace };
}

const outcome = (ring$: Observable<RingState>, userId: string): Promise<string | undefined> =>
  lastValueFrom(
    ring$.pipe(
      map(({ outcomes }) => outcomes.get(userId)),
      timeout(40_000),
    ),
  );

const isRinging = ({ sounds }: Listening) => sounds.at(-1) === "ringing";
const isSilent = ({ sounds }: Listening) => sounds.at(-1) === "silent";

describe.each(["notification", "invite"] as const)("Between two devices each of two users, in the form %s", (form) => {
  it("a ring rings on both devices of its target, and one decline stops both", async () => {
    const { b, rings } = await scene();
    const [ofA, ofA2, ofB, ofB2] = rings;
    const ended = outcome(ofA.ringing.ring({ userIds: [b.userId], form }), b.userId);
    await until(() => isRinging(ofB) && isRinging(ofB2));
    await lastValueFrom(ofB2.ringing.decline(ofB2.ringing.incoming$.value[0]!, "busy"), { defaultValue: undefined });
    await until(() => isSilent(ofB) && isSilent(ofB2));
    expect(await ended).toBe("declined");
    await until(() => ofA.ringing.rings$.value[0]?.declineReasons.get(b.userId) === "busy");
    // Alice's other device knows it as well, and never rang.
    await until(() => ofA2.ringing.rings$.value[0]?.outcomes.get(b.userId) === "declined");
    expect(ofA2.sounds).toEqual(["silent"]);
    expect(ofB.sounds).toEqual(["silent", "ringing", "silent"]);
  });

  it("a ring stops on both devices of its target when one of them joins", async () => {
    const { b, roomId, rings } = await scene();
    const [ofA, , ofB, ofB2] = rings;
    const ended = outcome(ofA.ringing.ring({ userIds: [b.userId], form }), b.userId);
    await until(() => isRinging(ofB) && isRinging(ofB2));
    const joining = encryptedSession(b.matrix, { roomId, slot }).join().subscribe();
    onTestFinished(() => joining.unsubscribe());
    await until(() => isSilent(ofB) && isSilent(ofB2));
    expect(await ended).toBe("joined");
    expect(ofB2.trace).toContainEqual(expect.objectContaining({ kind: "ring-ended", reason: "in-call" }));
  });

  it("a ring that its sender withdraws stops, and is a missed call after a reload", async () => {
    const { b, b2, roomId, rings } = await scene();
    const [ofA, , ofB, ofB2] = rings;
    const ended = outcome(ofA.ringing.ring({ userIds: [b.userId], form }), b.userId);
    await until(() => isRinging(ofB) && isRinging(ofB2));
    await lastValueFrom(ofA.ringing.withdraw(), { defaultValue: undefined });
    await until(() => isSilent(ofB) && isSilent(ofB2));
    expect(await ended).toBe("withdrawn");
    const again = watchRinging(fromMatrixClient(b2.client), { roomId, slot });
    expect(again.rings$.value[0]?.outcomes.get(b.userId)).toBe("withdrawn");
  });
});

describe("Over a real homeserver", () => {
  it("a ring as part of joining is taken back on leaving, and the log of calls has it", async () => {
    const { a, b, roomId, rings } = await scene();
    const [ofA, , ofB] = rings;
    const joining = encryptedSession(a.matrix, { roomId, slot })
      .join({ intent: "video" })
      .pipe(ofA.ringing.ringOnStart({ userIds: [b.userId] }))
      .subscribe();
    await until(() => isRinging(ofB));
    joining.unsubscribe();
    await until(() => isSilent(ofB));
    const over$ = callHistory(b.matrix, roomId).pipe(
      filter(({ isComplete, calls }) => isComplete && calls[0]?.endTs !== undefined && calls[0].rings.length > 0),
      timeout(20_000),
    );
    const { calls } = await firstValueFrom(over$);
    expect(calls).toMatchObject([{ slot, participants: [a.userId], intent: "video" }]);
    expect([...calls[0]!.rings[0]!.outcomes]).toEqual([[b.userId, "withdrawn"]]);
  });

  it("a device that was offline does not ring for a call that its caller has left meanwhile", async () => {
    const { a, b, b2, roomId, rings } = await scene();
    const [ofA, , ofB, ofB2] = rings;
    b.cutOff();
    const joining = encryptedSession(a.matrix, { roomId, slot })
      .join()
      .pipe(ofA.ringing.ringOnStart({ userIds: [b.userId] }))
      .subscribe();
    await until(() => isRinging(ofB2));
    joining.unsubscribe();
    await until(() => isSilent(ofB2));
    b.reconnect();
    const text = await b2.client.sendTextMessage(roomId, "after the gap");
    await until(() => b.client.getRoom(roomId)?.findEventById(text.event_id) !== undefined, 50_000);
    await until(() => ofB.ringing.rings$.value.length > 0, 20_000);
    expect(ofB.sounds).toEqual(["silent"]);
  });
});

describe("With matrix-js-sdk 43 on the other side", () => {
  /** The newest event of a type that a client has decrypted. */
  const eventOf = (client: MatrixClient, roomId: string, type: string): MatrixEvent | undefined =>
    client
      .getRoom(roomId)
      ?.getLiveTimeline()
      .getEvents()
      .findLast((event) => event.getType() === type);
  const type = "org.matrix.msc4075.rtc.notification";

  it("it accepts our ring, and no longer once it was declined or withdrawn", async () => {
    const { a, b, roomId, rings } = await scene();
    const [ofA, , ofB] = rings;
    const context = { room: b.client.getRoom(roomId)!, userId: b.userId };
    const ring = () => {
      ofA.ringing.ring({ userIds: [b.userId] }).subscribe();
      return until(() => isRinging(ofB) && eventOf(b.client, roomId, type) !== undefined);
    };
    await ring();
    const event = eventOf(b.client, roomId, type)!;
    const parsed = await parseCallNotificationContent(event, context);
    expect(parsed).toMatchObject({ slot_id: slot, lifetime: 90_000, "m.mentions": { user_ids: [b.userId] } });
    await lastValueFrom(ofB.ringing.decline(ofB.ringing.incoming$.value[0]!), { defaultValue: undefined });
    await until(() => isSilent(ofB));
    await expect(parseCallNotificationContent(event, context)).rejects.toThrow("declined");

    await ring();
    const second = eventOf(b.client, roomId, type)!;
    await lastValueFrom(ofA.ringing.withdraw(), { defaultValue: undefined });
    await until(() => isSilent(ofB));
    await expect(parseCallNotificationContent(second, context)).rejects.toThrow();
    expect(a.userId).not.toBe(b.userId);
  });

  it.each([true, false])("its ring rings here, and its decline is read: sticky memberships %s", async (sticky) => {
    const { a, b, roomId, rings } = await scene();
    const [ofA, , ofB, ofB2] = rings;
    const session = a.client.matrixRTC.getRoomSession(a.client.getRoom(roomId)!);
    const [userId, deviceId] = [a.userId, a.client.getDeviceId()!];
    const memberId = sticky ? crypto.randomUUID() : `${userId}:${deviceId}`;
    const transport = { type: "livekit", livekit_service_url: inject("service"), livekit_alias: roomId };
    session.joinRTCSession({ userId, deviceId, memberId }, [transport], transport, {
      notificationType: "ring",
      unstableSendStickyEvents: sticky,
    });
    await until(() => isRinging(ofB) && isRinging(ofB2));
    const { ring } = ofB.ringing.incoming$.value[0]!;
    expect(ring).toMatchObject({ form: "notification", sender: a.userId, isForRoom: true, alert: "ring" });

    // Its own decline, by Bob's other device.
    const decline$ = first(ofA.ringing.rings$, (all) => all.at(-1)?.outcomes.get(b.userId) === "declined");
    await b.client.sendRtcDecline(roomId, ring.eventId);
    await decline$;
    await until(() => isSilent(ofB) && isSilent(ofB2));
    await session.leaveRoomSession(1_000);
  });
});
