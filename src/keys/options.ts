// KeyOptions: how media keys are made, shared and accepted. protocol.md 5.1 to 5.5.
import { check } from "../arguments.ts";
import { resolveRotation, type RotationPolicy } from "./rotation.ts";

/** How keys look on the wire: what clients send today (16 bytes), or the form of MSC4143 (32 bytes). Both are read. */
export type KeyFormat = "io.element.call.encryption_keys" | "m.rtc.encryption_key";

/**
 * How our keys travel: to the devices in the call, as clients of today expect; as an event of the room, as clients
 * expected until 2025; or both, for a call with clients of either kind.
 */
export type KeyTransport = "to-device" | "room-event" | "both";

/**
 * How to make, share and accept media keys.
 *
 * Source: protocol.md 5, which lists the defaults of matrix-js-sdk.
 *
 * @example
 * ```ts
 * import type { KeyOptions } from "matrixrtc-rx/encryption";
 *
 * const keys: KeyOptions = { requireCrossSigned: true, rotation: { coalesceMs: 2_000 } };
 * // session.join({ keys })
 * console.assert(keys.requireCrossSigned === true);
 * ```
 */
export interface KeyOptions {
  /**
   * Whether to make and exchange media keys. Default: as soon as the room is encrypted. In other rooms, and with false, media
   * over LiveKit is not encrypted. With true it is in any room.
   */
  readonly enabled?: boolean | undefined;
  /** When our key changes. Each field has its default. */
  readonly rotation?: Partial<RotationPolicy> | undefined;
  /** The format of the messages that we send. Default `io.element.call.encryption_keys`. */
  readonly format?: KeyFormat | undefined;
  /**
   * How our keys travel. We read the keys of others in either form. Default `to-device`.
   *
   * A room event costs privacy. Everybody in the room can read the key, in the call or not. It stays in the timeline, so
   * a later reader of the encrypted history can decrypt a recording of the call. A new key shuts out users who left the
   * room, but not users who left only the call. Clients of 2025 that see one such event use nothing else for the rest of
   * the call, and clients of 2026 cannot decrypt them then. A room event exists in the default format only, and is sent
   * in encrypted rooms only.
   *
   * One event serves all members. Servers allow few events, so the same key is sent every 3 s at most, and a joiner may
   * have to wait for that. Clients of that time used a new key after 5 s, and collected leaves for 3 s.
   */
  readonly transport?: KeyTransport | undefined;
  /**
   * Exchange keys only with devices that their owners have cross-signed (MSC4153): keys of other devices are rejected, and
   * ours are sent to them once they are signed. Default false: the device that sent a key is proven, but a homeserver can
   * make devices for its users.
   */
  readonly requireCrossSigned?: boolean | undefined;
}

/** `KeyOptions` with every default filled in. */
export interface ResolvedKeyOptions {
  /** Absent: as soon as the room is encrypted. */
  readonly enabled: boolean | undefined;
  readonly rotation: RotationPolicy;
  readonly format: KeyFormat;
  readonly transport: KeyTransport;
  readonly requireCrossSigned: boolean;
}

const formats: readonly KeyFormat[] = ["io.element.call.encryption_keys", "m.rtc.encryption_key"];
const transports: readonly KeyTransport[] = ["to-device", "room-event", "both"];

/**
 * Fills in the defaults.
 *
 * @throws RtcError `bad-argument` for a value that makes no sense.
 */
export function resolveKeyOptions(options: KeyOptions = {}): ResolvedKeyOptions {
  const { enabled, format = formats[0]!, transport = "to-device", requireCrossSigned = false } = options;
  const rotation = resolveRotation(options.rotation);
  check(formats.includes(format), `keys.format must be ${formats.join(" or ")}`);
  check(transports.includes(transport), `keys.transport must be ${transports.join(" or ")}`);
  check(transport === "to-device" || format === formats[0], `keys.transport ${transport} needs format ${formats[0]}`);
  const mayRatchet = transport === "to-device";
  check(mayRatchet || rotation.onJoin === "new-key", `keys.transport ${transport} needs rotation.onJoin new-key`);
  check(typeof requireCrossSigned === "boolean", "keys.requireCrossSigned must be true or false");
  check(!requireCrossSigned || transport === "to-device", "keys.requireCrossSigned needs transport to-device");
  check(enabled === undefined || typeof enabled === "boolean", "keys.enabled must be true or false");
  return { enabled, rotation, format, transport, requireCrossSigned };
}
