// AroundCall: the optional abilities of the port: timelines, typing, receipts, presence, redactions. Client-server API.
import type { MatrixClient } from "matrix-js-sdk";
import { ignoreElements, map } from "rxjs";
import type { Matrix } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { ephemeralOf } from "./sdk-ephemeral.ts";
import { pathOf, request } from "./sdk-request.ts";
import { pastPage } from "./sdk-past.ts";
import { timelinesOf } from "./sdk-timeline.ts";

type Abilities = Pick<
  Matrix,
  "timeline" | "timeline$" | "olderEvents" | "ephemeral" | "ephemeral$" | "redactEvent" | "sendTyping" | "sendReceipt"
>;

export const aroundCallOf = (client: MatrixClient): Abilities => ({
  ...timelinesOf(client),
  olderEvents: (roomId, page) => pastPage(client, roomId, page),
  ...ephemeralOf(client),

  redactEvent: (roomId, eventId, { txnId, reason }) => {
    const path = pathOf("rooms", roomId, "redact", eventId, txnId);
    const body = reason === undefined ? {} : { reason };
    return request(client, { method: "PUT", path, body }).pipe(
      map((answer) => objectOr(answer)["event_id"]),
      map((redactionId) => (isString(redactionId) ? redactionId : "")),
    );
  },

  sendTyping: (roomId, isTyping, timeoutMs) => {
    const path = pathOf("rooms", roomId, "typing", client.getSafeUserId());
    const body = isTyping ? { typing: true, timeout: timeoutMs } : { typing: false };
    return request(client, { method: "PUT", path, body }).pipe(ignoreElements());
  },

  sendReceipt: (roomId, eventId) => {
    const path = pathOf("rooms", roomId, "receipt", "m.read", eventId);
    return request(client, { method: "POST", path, body: {} }).pipe(ignoreElements());
  },
});
