// A page that rings and is rung: by our library, and by matrix-js-sdk's own sending and parsing.
import { ClientEvent, createClient, type MatrixEvent, SyncState } from "matrix-js-sdk";
import { parseCallNotificationContent } from "matrix-js-sdk/lib/matrixrtc/index.js";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { watchRinging } from "matrixrtc-rx/ringing";
import type { PageOptions } from "./sfu.ts";

interface RingingPage {
  /** Whether the homeserver has the keys of a device, so that events can be encrypted for it. */
  knowsDevice(userId: string, deviceId: string): Promise<boolean>;
  /** `ringing` or `silent`, by our library. */
  sound(): string;
  ring(userIds: string[]): void;
  withdraw(): void;
  decline(): void;
  /** The outcome of the latest ring for a user, by our library. */
  outcome(userId: string): string | undefined;
  /** `accepted`, or why matrix-js-sdk does not accept the newest ring. */
  sdkVerdict(): Promise<string>;
  /** Joins by matrix-js-sdk alone, which rings. */
  sdkJoin(): void;
  sdkLeave(): Promise<unknown>;
  sdkDecline(): Promise<unknown>;
}

declare global {
  interface Window {
    startRinging(options: PageOptions): Promise<void>;
    ringing?: RingingPage;
  }
}

const ringType = "org.matrix.msc4075.rtc.notification";

window.startRinging = async ({ account, roomId, service }) => {
  const { homeserver: baseUrl, userId, deviceId, accessToken } = account;
  const client = createClient({ baseUrl, userId, deviceId, accessToken });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === SyncState.Prepared && resolve());
  });
  await client.startClient();
  await synced;
  const room = client.getRoom(roomId)!;
  const session = client.matrixRTC.getRoomSession(room);
  const ringing = watchRinging(fromMatrixClient(client), { roomId, slot: "m.call#ROOM" });
  ringing.incoming$.subscribe();
  const newestRing = (): MatrixEvent | undefined =>
    room
      .getLiveTimeline()
      .getEvents()
      .findLast((event) => event.getType() === ringType);

  window.ringing = {
    async knowsDevice(of, device) {
      const devices = await client.getCrypto()!.getUserDeviceInfo([of], true);
      return devices.get(of)?.has(device) ?? false;
    },
    sound: () => ringing.incoming$.value[0]?.status ?? "silent",
    ring: (userIds) => void ringing.ring({ userIds }).subscribe(),
    withdraw: () => void ringing.withdraw().subscribe(),
    decline: () => void ringing.decline(ringing.incoming$.value[0]!).subscribe(),
    outcome: (target) => ringing.rings$.value.at(-1)?.outcomes.get(target),
    async sdkVerdict() {
      const event = newestRing();
      if (!event) return "no ring";
      return parseCallNotificationContent(event, { room, userId }).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    },
    sdkJoin() {
      const transport = { type: "livekit", livekit_service_url: service, livekit_alias: roomId };
      const member = { userId, deviceId, memberId: `${userId}:${deviceId}` };
      session.joinRTCSession(member, [transport], transport, { notificationType: "ring" });
    },
    sdkLeave: () => session.leaveRoomSession(2_000),
    sdkDecline: () => client.sendRtcDecline(roomId, newestRing()!.getId()!),
  };
};
