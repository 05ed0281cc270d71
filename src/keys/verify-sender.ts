// VerifySender: whether a key message can be believed, by the device that sent it. protocol.md 5.4, 11 rows 11 and 12.
import type { Device, RoomKeyEvent, ToDeviceMessage } from "../matrix.ts";
import { isSameCall, roomCallSlot } from "../room/names.ts";
import { applicationTypeOf } from "../room/slot.ts";
import { sameDevice } from "./device.ts";
import type { RejectedKey } from "./trace.ts";
import { formatOf, type KeyMessage, parseKeyMessage, parseRoomKeys } from "./wire.ts";

/** A key whose sending device is proven. */
export interface VerifiedKey extends Device, Pick<KeyMessage, "keyIndex" | "key" | "memberId" | "wantsKey" | "reach"> {
  /** By the sender's clock, if the message says it. */
  readonly sentTs: number | undefined;
  readonly receivedTs: number;
  /** It names no slot. Accept it only if a sticky member of ours has its member id. */
  readonly isSlotUnknown: boolean;
}

/** A message with a key: verified, or rejected with the reason. */
export type Verification =
  | { readonly verified: VerifiedKey; readonly rejected?: undefined }
  | { readonly rejected: RejectedKey; readonly verified?: undefined };

/** For whom a message has to be, and how much its sender has to prove. */
export interface Receiver extends Device {
  readonly roomId: string;
  readonly slot: string;
  readonly requireCrossSigned: boolean;
}

/** Whether a to-device message says that it is a key for this receiver. Only then it is worth a look-up of its device. */
export function isForUs({ type, content }: ToDeviceMessage, receiver: Receiver): boolean {
  const format = formatOf(type);
  const ok = format && parseKeyMessage(format, content).ok;
  return ok?.roomId === receiver.roomId && mayBeFor(receiver.slot, ok);
}

/** Verifies the key of a to-device message. Empty if it is no key message, or not for this receiver. */
export function verifyMessage(message: ToDeviceMessage, receiver: Receiver, now: number): readonly Verification[] {
  const format = formatOf(message.type);
  if (!format) return [];
  const { ok, malformed } = parseKeyMessage(format, message.content);
  if (!ok) return [rejected(message, { reason: "malformed", path: malformed })];
  if (ok.roomId !== receiver.roomId || !mayBeFor(receiver.slot, ok)) return [];
  const { keyIndex, key, memberId, wantsKey, reach, sentTs } = ok;
  const isSlotUnknown = ok.slot === undefined && !isSameCall(receiver.slot, roomCallSlot);
  const sender = verifySender(message, ok.deviceId, receiver);
  if (!sender) return [];
  if (sender.rejected) return [sender];
  const said = { keyIndex, key, memberId, wantsKey, reach, sentTs, isSlotUnknown };
  return [{ verified: { ...sender.device, ...said, receivedTs: now } }];
}

/** matrix-js-sdk names no slot, and writes m.call whatever the application is. protocol.md 5.2. */
function mayBeFor(slot: string, { slot: named, application = "m.call" }: KeyMessage): boolean {
  return named === undefined ? ["m.call", applicationTypeOf(slot)].includes(application) : isSameCall(named, slot);
}

/** A timeline event that is older than this belongs to an earlier call. The client decrypts such events on scrolling back. */
const maxAgeMs = 60_000;

/** Verifies each key of a timeline event. The time of the event and its age are the server's, since our clock may be wrong. protocol.md 5.5. */
export function verifyRoomKeys(event: RoomKeyEvent, receiver: Receiver, now: number): readonly Verification[] {
  const { originServerTs: sentTs, ageMs = now - sentTs } = event;
  if (event.roomId !== receiver.roomId) return [];
  const { ok, malformed } = parseRoomKeys(event.content);
  if (!ok) return [rejected(event, { reason: "malformed", path: malformed })];
  if (!isSameCall(ok.slot, receiver.slot)) return [];
  const sender = verifySender(event, ok.deviceId, receiver);
  if (!sender) return [];
  if (ageMs > maxAgeMs) return [rejected(event, { reason: "stale" })];
  if (sender.rejected) return [sender];
  const common = { ...sender.device, memberId: undefined, wantsKey: false, reach: 1, isSlotUnknown: false };
  return ok.keys.map((key) => ({ verified: { ...common, ...key, sentTs, receivedTs: now } }));
}

type Sender =
  | { readonly device: Device; readonly rejected?: undefined }
  | { readonly rejected: RejectedKey; readonly device?: undefined };

/** The proven device of a sender. Undefined if it is our own. */
function verifySender(
  message: Pick<ToDeviceMessage, "sender" | "proof">,
  namedDeviceId: string | undefined,
  receiver: Receiver,
): Sender | undefined {
  const { sender: userId, proof } = message;
  const named = namedDeviceId === undefined ? {} : { deviceId: namedDeviceId };
  if (!proof) return rejected(message, { reason: "cleartext", ...named });
  const { deviceId, crossSigned } = proof;
  if (deviceId === undefined) return rejected(message, { reason: "unproven-device", ...named });
  if (namedDeviceId !== undefined && namedDeviceId !== deviceId)
    return rejected(message, { reason: "forged-device", deviceId });
  if (receiver.requireCrossSigned && !crossSigned) return rejected(message, { reason: "not-cross-signed", deviceId });
  const device = { userId, deviceId };
  return sameDevice(device, receiver) ? undefined : { device };
}

function rejected(
  { sender: userId }: Pick<ToDeviceMessage, "sender">,
  details: Omit<RejectedKey, "userId">,
): { readonly rejected: RejectedKey } {
  return { rejected: { userId, ...details } };
}
