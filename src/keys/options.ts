// KeyOptions: how media keys are made, shared and accepted. protocol.md 5.1 to 5.5.
import { isObservable, NEVER, type Observable } from "rxjs";
import { RtcError } from "../errors.ts";
import type { Decryption } from "../types.ts";

/**
 * When our media key changes: the trade between what a leaver or joiner can decrypt and how many messages that costs.
 * `rotationCost` computes both sides. protocol.md 5.1.
 */
export interface RotationPolicy {
  /**
   * How long a new key travels before we encrypt with it. Default 1000.
   * Counted from the moment we begin to send it, so that the bound on a leaver's exposure holds whatever the network does.
   */
  readonly useDelayMs: number;
  /** A key younger than this is given to a joiner; for an older one, a join makes a new key. Default 10000. */
  readonly graceMs: number;
  /** How long leaves are collected before one new key covers them all. Default 0: a leave makes a new key at once. */
  readonly coalesceMs: number;
  /** The longest that a key stays without a successor. Default Infinity: age alone never makes a new key. */
  readonly periodMs: number;
  /** With this many members, ourselves included, or more, no new keys are made. Default Infinity. */
  readonly participantLimit: number;
}

/** How keys look on the wire: what clients send today (16 bytes), or the form of MSC4143 (32 bytes). Both are read. */
export type KeyFormat = "io.element.call.encryption_keys" | "m.rtc.encryption_key";

/**
 * How our keys travel: to the devices in the call, as clients take them today; as an event of the room, as clients took
 * them until 2025; or both ways, for a call that has clients of either kind.
 */
export type KeyTransport = "to-device" | "room-event" | "both";

/** What can be chosen about media keys. */
export interface KeyOptions {
  readonly rotation?: Partial<RotationPolicy>;
  /** The format of the messages that we send. Default `io.element.call.encryption_keys`. */
  readonly format?: KeyFormat;
  /**
   * How our keys travel. Those of others are taken either way. Default `to-device`.
   *
   * A room event costs privacy. Everybody in the room can read the key, whether in the call or not, and it stays in the
   * timeline: whoever gets the room's history with its keys can decrypt what was recorded of the call. A new key shuts
   * out who has left the room, but not who has left the call. And clients of 2025 that see one use nothing else for the
   * rest of the call, so clients of 2026 cannot decrypt them. It has no format but the default, and is sent in encrypted
   * rooms only.
   *
   * It costs one request for all, of which servers allow few: the same key goes out every 3 s at most, for which a joiner
   * may have to wait. Clients of that time used new keys after 5 s, and made one for the leaves of 3 s.
   */
  readonly keyTransport?: KeyTransport;
  /** Accept keys only from devices that their owners have cross-signed. Default false. Ours go to every member either way. */
  readonly requireCrossSigned?: boolean;
  /**
   * What the media layer says about decrypting participants, for `encryptionStatus$`. A key that it misses is asked for,
   * and for who does not answer our membership is written once more (protocol.md 5.7).
   * `decryption(room)` of `matrixrtc-rx/livekit` makes it of a LiveKit room. If it fails, keys go on
   * without it. Default none.
   */
  readonly decryption$?: Observable<Decryption>;
}

/** `KeyOptions` with every default filled in. */
export interface ResolvedKeyOptions {
  readonly rotation: RotationPolicy;
  readonly format: KeyFormat;
  readonly keyTransport: KeyTransport;
  readonly requireCrossSigned: boolean;
  readonly decryption$: Observable<Decryption>;
}

const defaultRotation: RotationPolicy = {
  useDelayMs: 1000,
  graceMs: 10_000,
  coalesceMs: 0,
  periodMs: Infinity,
  participantLimit: Infinity,
};

const formats: readonly KeyFormat[] = ["io.element.call.encryption_keys", "m.rtc.encryption_key"];
const keyTransports: readonly KeyTransport[] = ["to-device", "room-event", "both"];

/**
 * Fills in the defaults.
 *
 * @throws RtcError `bad-argument` for a value that makes no sense.
 */
export function resolveKeyOptions(options: KeyOptions = {}): ResolvedKeyOptions {
  const rotation = { ...defaultRotation, ...options.rotation };
  requireDuration("useDelayMs", rotation.useDelayMs);
  requireDuration("graceMs", rotation.graceMs);
  requireDuration("coalesceMs", rotation.coalesceMs);
  if (!(rotation.periodMs > 0)) throw badArgument("rotation.periodMs must be more than 0 ms");
  if (!(rotation.participantLimit >= 1)) throw badArgument("rotation.participantLimit must be 1 or more");
  const format = options.format ?? "io.element.call.encryption_keys";
  if (!formats.includes(format)) throw badArgument(`format must be ${formats.join(" or ")}`);
  const { keyTransport = "to-device", requireCrossSigned = false, decryption$ = NEVER } = options;
  if (!keyTransports.includes(keyTransport)) throw badArgument(`keyTransport must be ${keyTransports.join(" or ")}`);
  if (keyTransport !== "to-device" && format !== formats[0])
    throw badArgument(`keyTransport ${keyTransport} needs format ${formats[0]}`);
  if (typeof requireCrossSigned !== "boolean") throw badArgument("requireCrossSigned must be true or false");
  if (!isObservable(decryption$)) throw badArgument("decryption$ must be an Observable");
  return { rotation, format, keyTransport, requireCrossSigned, decryption$ };
}

function requireDuration(name: string, ms: number): void {
  if (!(ms >= 0 && Number.isFinite(ms)))
    throw badArgument(`rotation.${name} must be a number of milliseconds, 0 or more`);
}

function badArgument(message: string): RtcError {
  return new RtcError("bad-argument", message);
}
