// VirtualClient: the port of one device of the virtual homeserver.
import { catchError, defer, ignoreElements, map, merge, of, type Observable, tap } from "rxjs";
import type { LivekitBackend } from "../livekit/backend.ts";
import type { Device, Matrix, MatrixError, OutgoingEvent, ToDeviceOutcome } from "../matrix.ts";
import { pageOf } from "./virtual-past.ts";
import { heardOn } from "./time/heard-on.ts";
import type { VirtualServer } from "./virtual-server.ts";
import { virtualTimelineEvents } from "./virtual-timeline-events.ts";

export function virtualClient(server: VirtualServer, userId: string, deviceId: string): Matrix & LivekitBackend {
  const me = server.logIn(userId, deviceId);
  const { synced } = me;
  const heard = <T>(source$: Observable<T>): Observable<T> => heardOn(me, source$);

  const sendToOne = ({ userId: to, deviceId: device }: Device, type: string, content: object) =>
    defer((): Observable<ToDeviceOutcome> => {
      const target: Device = { userId: to, deviceId: device };
      if (!server.isListed(target)) return of({ ...target, outcome: "unknown-device" });
      const { proof } = me;
      const deliver = () => server.deliver(target, { type, sender: userId, content, proof });
      return server.request(me, { request: "to-device", type, to: target }, deliver).pipe(
        map((): ToDeviceOutcome => ({ ...target, outcome: "sent" })),
        catchError((cause: MatrixError) => of<ToDeviceOutcome>({ ...target, outcome: "failed", cause })),
      );
    });

  return {
    userId,
    deviceId,

    rooms: () => synced.joined(),
    hasRoom: (roomId) => synced.has(roomId),
    stateEvent: (roomId, type, stateKey) => synced.stateEvent(roomId, type, stateKey),
    stateEvents: (roomId, type) => synced.stateEvents(roomId, type),
    stickyEvents: (roomId) => synced.stickyEvents(roomId),
    changes$: heard(synced.changes$),
    toDevice$: heard(synced.toDevice$),
    roomKey$: heard(synced.roomKey$),
    timeline: (roomId) => synced.timelines.timeline(roomId),
    olderEvents: (roomId, { from, limit }) =>
      server.request(me, { request: "messages", roomId }, () => pageOf(server.rooms.get(roomId), userId, limit, from)),
    timeline$: heard(synced.timelines.timeline$),
    timelineEvents: (types) => heard(virtualTimelineEvents(synced, types, () => server.now())),
    turnServer: () => server.request(me, { request: "turn-server" }, () => ({})),
    ephemeral: (type, id) => synced.timelines.ephemeral(type, id),
    ephemeral$: heard(synced.timelines.ephemeral$),

    sendToDevice: (devices, type, content) => merge(...devices.map((to) => sendToOne(to, type, content))),
    isCrossSigned: (device) => defer(() => of(server.isCrossSigned(device))),
    loadMember: (roomId, member) =>
      server
        .request(me, { request: "member", roomId, stateKey: member }, () =>
          server.rooms.get(roomId).stateEvent("m.room.member", member),
        )
        .pipe(
          tap((event) => event && synced.addState(event)),
          ignoreElements(),
        ),
    send: (event) => server.request(me, { request: "send", ...placeOf(event) }, () => server.send(me, event)),
    redactEvent: (roomId, eventId, { txnId, reason }) =>
      server.request(me, { request: "redact", roomId }, () => server.redact(me, roomId, eventId, txnId, reason)),
    sendTyping: (roomId, isTyping, timeoutMs) =>
      server
        .request(me, { request: "typing", roomId }, () => server.setTyping(roomId, userId, isTyping, timeoutMs))
        .pipe(ignoreElements()),
    sendReceipt: (roomId, eventId) =>
      server
        .request(me, { request: "receipt", roomId }, () => server.ephemeral.setReceipt(roomId, userId, eventId))
        .pipe(ignoreElements()),
    schedule: (event, delayMs) =>
      server.request(me, { request: "schedule", ...placeOf(event) }, () =>
        server.schedule(userId, event, delayMs, deviceId),
      ),
    updateDelayedEvent: (delayId, action) =>
      server
        .request(me, { request: action === "send" ? "send-delayed" : action }, () =>
          server.updateDelayedEvent(delayId, action),
        )
        .pipe(ignoreElements()),
    delayedEventLimits: () => server.request(me, { request: "delayed-events" }, () => server.statedLimits),

    openIdToken: () =>
      server.request(me, { request: "openid-token" }, () => ({
        access_token: `openid-token-of-${userId}`,
        token_type: "Bearer",
        matrix_server_name: userId.slice(userId.indexOf(":") + 1),
        expires_in: 3600,
      })),
    rtcTransports: () => server.request(me, { request: "rtc-transports" }, () => [livekit]),
    wellKnown: () => server.request(me, { request: "well-known" }, () => undefined),
  };
}

const livekit = { type: "livekit", livekit_service_url: "https://livekit.virtual.example" };

const placeOf = ({ roomId, type, stateKey }: OutgoingEvent) => ({
  roomId,
  type,
  ...(stateKey !== undefined && { stateKey }),
});
