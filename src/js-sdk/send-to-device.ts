// SendToDevice: sends a message encrypted for each device, with an outcome for each. protocol.md 5.2.
import type { MatrixClient } from "matrix-js-sdk";
import { catchError, defer, EMPTY, forkJoin, from, merge, mergeMap, type Observable } from "rxjs";
import { type Device, MatrixError, type ToDeviceOutcome } from "../matrix.ts";
import { type DeviceTrust, excludesUnsigned, trustOf } from "./device-trust.ts";
import { missingDevices, seal, type Sealed } from "./olm.ts";
import { pathOf, portErrors, request } from "./sdk-request.ts";

/** A message encrypted with Olm takes some kilobytes, and servers reject large bodies. */
const devicesPerRequest = 20;
const requestsAtOnce = 4;

/**
 * Encrypts a message for each device, sends it, and emits one outcome for each. Never fails. If the client excludes devices
 * that their owner has not signed, nothing is sent to them.
 */
export function sendToDevice(
  client: MatrixClient,
  devices: readonly Device[],
  type: string,
  content: object,
): Observable<ToDeviceOutcome> {
  const crypto = client.getCrypto();
  if (!crypto) return outcomes(devices, failed(new MatrixError("unsupported", "the client has no encryption")));

  const attempt = (to: readonly Device[]): Observable<ToDeviceOutcome> =>
    defer(() => seal(crypto, to, type, content)).pipe(
      portErrors(),
      mergeMap((sealed) =>
        merge(outcomes(missingDevices(to, sealed), { outcome: "unknown-device" }), send(client, sealed)),
      ),
      catchError((cause: MatrixError) =>
        // One device without a session makes the call fail for all of them, so each is tried alone.
        cause.kind === "other" && to.length > 1
          ? from(to).pipe(mergeMap((device) => attempt([device]), requestsAtOnce))
          : outcomes(to, failed(cause)),
      ),
    );
  if (devices.length === 0) return EMPTY;
  if (!excludesUnsigned(client)) return attempt(devices);
  const trusts$ = forkJoin(devices.map((device) => trustOf(client, device)));
  return trusts$.pipe(
    mergeMap((trusts) => {
      const those = (trust: DeviceTrust) => devices.filter((_, index) => trusts[index] === trust);
      const signed = those("signed");
      return merge(
        signed.length > 0 ? attempt(signed) : EMPTY,
        outcomes(those("unsigned"), { outcome: "not-cross-signed" }),
        outcomes(those("unknown"), { outcome: "unknown-device" }),
      );
    }),
    catchError((cause: MatrixError) => outcomes(devices, failed(cause))),
  );
}

/** Sends in requests of 20 devices each. A failed request fails for its own devices only. */
function send(client: MatrixClient, sealed: readonly Sealed[]): Observable<ToDeviceOutcome> {
  const sendOne = (some: readonly Sealed[]) => {
    const path = pathOf("sendToDevice", "m.room.encrypted", client.makeTxnId());
    const sending = request(client, { method: "PUT", path, body: { messages: messagesOf(some) } });
    return sending.pipe(
      mergeMap(() => outcomes(some, { outcome: "sent" })),
      catchError((cause: MatrixError) => outcomes(some, failed(cause))),
    );
  };
  return from(chunksOf(sealed)).pipe(mergeMap(sendOne, requestsAtOnce));
}

function messagesOf(sealed: readonly Sealed[]): Record<string, Record<string, unknown>> {
  const messages: Record<string, Record<string, unknown>> = Object.create(null);
  for (const { userId, deviceId, payload } of sealed) (messages[userId] ??= Object.create(null))[deviceId] = payload;
  return messages;
}

function* chunksOf<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += devicesPerRequest) yield items.slice(at, at + devicesPerRequest);
}

type Result = Omit<ToDeviceOutcome, keyof Device>;

const failed = (cause: MatrixError): Result => ({ outcome: "failed", cause });

const outcomes = (devices: readonly Device[], result: Result): Observable<ToDeviceOutcome> =>
  from(devices.map(({ userId, deviceId }) => ({ userId, deviceId, ...result })));
