// Sender: whether a key message may be believed, by who sent it. protocol.md 5.4, 11 rows 11 and 12.
import type { Device, ToDeviceMessage } from "../matrix.ts";
import { applicationTypeOf } from "../room/slot.ts";
import { sameDevice } from "./device.ts";
import type { KeyRefusal } from "./trace.ts";
import { formatOf, type KeyMessage, parseKeyMessage } from "./wire.ts";

/** A key whose sending device is proven. */
export interface ProvenKey extends Device, Pick<KeyMessage, "keyIndex" | "key" | "memberId" | "wantsKey"> {
  /** By the sender's clock where it says, else ours. */
  readonly sentTs: number;
  readonly receivedTs: number;
}

export type Judgement = ProvenKey | { readonly refused: KeyRefusal; readonly path?: string };

/** For whom a message has to be, and how much its sender has to prove. */
export interface Addressee extends Device {
  readonly roomId: string;
  readonly slot: string;
  readonly requireCrossSigned: boolean;
}

/** The key in a message and the device that it is proven to come from, or why not; undefined if it is none of our business. */
export function judge(message: ToDeviceMessage, addressee: Addressee, now: number): Judgement | undefined {
  const format = formatOf(message.type);
  if (!format) return undefined;
  const parsed = parseKeyMessage(format, message.content);
  if ("malformed" in parsed) return { refused: "malformed", path: parsed.malformed };
  const { roomId, application, keyIndex, key, memberId, wantsKey, sentTs = now } = parsed;
  if (roomId !== addressee.roomId) return undefined;
  // matrix-js-sdk writes m.call whatever the application is.
  if (application !== undefined && application !== "m.call" && application !== applicationTypeOf(addressee.slot)) {
    return undefined;
  }
  const { sender, proof } = message;
  if (!proof) return { refused: "cleartext" };
  if (proof.deviceId === undefined) return { refused: "unproven-device" };
  if (parsed.deviceId !== undefined && parsed.deviceId !== proof.deviceId) return { refused: "forged-device" };
  if (addressee.requireCrossSigned && !proof.crossSigned) return { refused: "not-cross-signed" };
  const device = { userId: sender, deviceId: proof.deviceId };
  if (sameDevice(device, addressee)) return undefined;
  return { ...device, keyIndex, key, memberId, wantsKey, sentTs, receivedTs: now };
}
