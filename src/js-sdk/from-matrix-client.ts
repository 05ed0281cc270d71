// fromMatrixClient: makes the port of this library from a matrix-js-sdk client. protocol.md 1, 4.6, 5.2.
import type { MatrixClient } from "matrix-js-sdk";
import { map } from "rxjs";
import { RtcError } from "../errors.ts";
import type { LivekitBackend } from "../livekit/backend.ts";
import type { Matrix } from "../matrix.ts";
import { perClient } from "../room/per-client.ts";
import { aroundCallOf } from "./around-call.ts";
import { callsOf } from "./sdk-calls.ts";
import { delayedEventsOf } from "./sdk-delayed-events.ts";
import { eventsOf } from "./send-event.ts";
import { trustOf } from "./device-trust.ts";
import { livekitBackendOf } from "./livekit-backend.ts";
import { loadMember, MemberLoader } from "./member-loader.ts";
import { roomChangesOf } from "./sdk-changes.ts";
import { roomKeysOf } from "./room-keys.ts";
import { roomsOf } from "./sdk-rooms.ts";
import { sendToDevice } from "./send-to-device.ts";
import { StickyEvents } from "./sticky-events.ts";
import { toDeviceOf } from "./sdk-to-device.ts";

/** The port of this library, together with the requests that find a LiveKit server. */
export type MatrixClientPort = Matrix & LivekitBackend;

/**
 * Makes the port of this library from a matrix-js-sdk client (version 43). The same client has the same port each time.
 *
 * It adds at most fifteen listeners to the client, for any number of rooms, and only while somebody is subscribed. In encrypted
 * rooms the client needs `initRustCrypto()` before it is started. It is made for `/sync`: over sliding sync one response
 * can arrive as several batches of changes.
 *
 * @throws RtcError `bad-argument` for a client that is not logged in.
 * @example
 * ```ts
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
 *
 * type Client = Parameters<typeof fromMatrixClient>[0];
 * const callIn = (client: Client, roomId: string) => encryptedSession(fromMatrixClient(client), { roomId, slot: "m.call#ROOM" });
 * console.assert(typeof callIn === "function");
 * ```
 */
export function fromMatrixClient(client: MatrixClient): MatrixClientPort {
  return portOf(client);
}

/** One port for each client, so that it is known that two joins are of one device. */
const portOf = perClient((client: MatrixClient): MatrixClientPort => {
  const userId = client.getUserId();
  const deviceId = client.getDeviceId();
  if (userId === null || deviceId === null)
    throw new RtcError("bad-argument", "client must be logged in, with a device id");
  const sticky = new StickyEvents(client);
  const loader = new MemberLoader();
  return {
    userId,
    deviceId,
    ...roomsOf(client, sticky, loader),
    changes$: roomChangesOf(client, sticky, loader),
    toDevice$: toDeviceOf(client),
    roomKey$: roomKeysOf(client),
    sendToDevice: (devices, type, content) => sendToDevice(client, devices, type, content),
    isCrossSigned: (device) => trustOf(client, device).pipe(map((trust) => trust === "signed")),
    loadMember: (roomId, ofUser) => loadMember(client, roomId, ofUser),
    ...eventsOf(client),
    ...delayedEventsOf(client),
    ...aroundCallOf(client),
    ...callsOf(client),
    ...livekitBackendOf(client),
  };
});
