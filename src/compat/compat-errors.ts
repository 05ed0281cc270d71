// CompatErrors: errors of a client as errors of our port, and as the errors that apps of matrix-js-sdk expect. protocol.md 4.5.
import { asyncScheduler } from "rxjs";
import { matrixError } from "../js-sdk/matrix-error.ts";
import { MatrixError } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";

/** What a request was for. */
export type RequestFor = "schedule" | "restart" | "send" | "cancel" | "write" | "leave";

/** The error of the client behind an error of ours. */
const originals = new WeakMap<object, unknown>();

/** An error of a client as an error of our port. */
export function portError(error: unknown, request: RequestFor): MatrixError {
  const mapped = matrixError(withStatus(error), asyncScheduler.now(), { mayBeMissing: request !== "write" });
  // Whatever keeps the original from having a delayed leave, it goes on without one. So do we, for ten minutes.
  const isRefused = request === "schedule" && mapped.kind === "other";
  const ported = isRefused ? new MatrixError("forbidden", mapped.message) : mapped;
  originals.set(ported, error);
  return ported;
}

/** Tests make Matrix errors without a status. A `TypeError` of a client is a fault, and no trouble of the network. */
function withStatus(error: unknown): unknown {
  const { name, errcode, httpStatus, httpHeaders, data } = objectOr(error);
  if (isString(errcode) && httpStatus === undefined) return { name, errcode, httpStatus: 400, httpHeaders, data };
  return name === "TypeError" ? new Error(String(error)) : error;
}

/** The error of a join that has ended, in the words of the original. Its causes end with the error of the client. */
export function endOfJoin(error: unknown): Error {
  const cause = causeOf(error);
  return new Error(`The MembershipManager shut down because of the end condition: ${String(cause)}`, { cause });
}

/** A request was retried too often. */
export function tooManyRetries(error: MatrixError, request: RequestFor, limit: number): Error {
  const cause = originals.get(error);
  const what = `${actions[request]} attempts (client.${methods[request]})`;
  const message =
    error.kind === "rate-limited"
      ? `Exceeded maximum retries for ${what}`
      : `Reached maximum (${limit}) retries cause by: ${String(cause)}`;
  return new Error(message, { cause });
}

/** The error at the end of the causes. The error of the client is preferred. */
function causeOf(error: unknown): unknown {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause !== undefined && !originals.has(innermost)) {
    if (innermost instanceof MatrixError || innermost.name !== "RtcError") break;
    innermost = innermost.cause;
  }
  return originals.get(innermost as object) ?? innermost;
}

const actions: Readonly<Record<RequestFor, string>> = {
  schedule: "SendDelayedEvent",
  restart: "RestartDelayedEvent",
  send: "SendScheduledDelayedLeaveEvent",
  cancel: "SendDelayedEvent",
  write: "SendJoinEvent",
  leave: "SendLeaveEvent",
};

const methods: Readonly<Record<RequestFor, string>> = {
  schedule: "_unstable_sendDelayedStateEvent",
  restart: "restartScheduledDelayedEvent",
  send: "sendScheduledDelayedEvent",
  cancel: "cancelScheduledDelayedEvent",
  write: "sendStateEvent",
  leave: "sendStateEvent",
};
