// ConformanceEvents: the events, responses and secrets that the cases of the conformance suite use.
import type { Matrix, OutgoingEvent } from "../matrix.ts";
import { stateMemberType, stickyMemberTypes } from "../room/names.ts";
import type { ConformanceFailure } from "./conformance-world.ts";

export const stickyType: string = stickyMemberTypes[0];
export const hourMs = 3_600_000;
export const messageType = "io.element.call.encryption_keys";
export const secret = "a-secret-that-nobody-else-may-read";

type Response = Exclude<ConformanceFailure["response"], string>;

/** A state event of our own. */
export const stateIn = (roomId: string, { userId, deviceId }: Matrix, content: object = { n: 1 }): OutgoingEvent => ({
  roomId,
  type: stateMemberType,
  stateKey: `_${userId}_${deviceId}_m.call`,
  content: { ...content },
});

/** A sticky event of our own, always with the same transaction id. */
export const stickyIn = (roomId: string, content: object = { msc4354_sticky_key: "one" }): OutgoingEvent => ({
  roomId,
  type: stickyType,
  stickyMs: hourMs,
  txnId: "conformance-1",
  content: { ...content },
});

/** A JSON response. */
export const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response => ({
  status,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(body),
});

/** A page of a proxy. */
export const page = (status: number, type: string): Response => ({
  status,
  headers: { "Content-Type": type },
  body: "<html><body>an answer of a proxy</body></html>",
});
