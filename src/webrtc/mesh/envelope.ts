// Envelope: what every message of the mesh says beside its body: from which stay to which, and its number. protocol.md 10.5, MSC3401.
import type { ToDeviceMessage } from "../../matrix.ts";
import { type JsonObject, objectOr } from "../../room/json.ts";
import {
  type CallBody,
  callContent,
  type CallMessage,
  callTypes,
  isCallType,
  readCallMessage,
} from "../call-message.ts";
import { isSessionId } from "./mesh-transport.ts";
import type { PeerId } from "./peer-id.ts";

/** Which call of which room. */
export interface MeshContext {
  readonly roomId: string;
  readonly slot: string;
}

/** A message that is proven, well-formed and for this call. */
export interface MeshMessage {
  readonly from: PeerId;
  /** The stay of ours that it is for. */
  readonly toSessionId: string;
  readonly seq: number | undefined;
  readonly message: CallMessage;
  readonly bytes: number;
}

/** Why a message is not taken. */
export type MeshRejection =
  | "cleartext"
  | "unproven-device"
  | "not-cross-signed"
  | "forged-device"
  | "own-device"
  | "malformed";

/** Whether a message is of a call in this mesh, by what it says itself. */
export function isForMesh(
  { type, content }: Pick<ToDeviceMessage, "type" | "content">,
  { roomId, slot }: MeshContext,
): boolean {
  const { conf_id, room_id } = objectOr(content);
  return isCallType(type) && conf_id === slot && (room_id === undefined || room_id === roomId);
}

/** Reads a to-device message. Returns undefined for a message of another type or another call. Pitfall: the device is the proven one. */
export function readEnvelope(
  { type, sender, content, proof }: ToDeviceMessage,
  context: MeshContext,
  own: { readonly userId: string; readonly deviceId: string },
  requireCrossSigned: boolean,
): { readonly accepted: MeshMessage } | { readonly rejected: MeshRejection; readonly path?: string } | undefined {
  if (!isForMesh({ type, content }, context)) return undefined;
  const { device_id, sender_session_id, dest_session_id, seq } = objectOr(content);
  if (!proof) return { rejected: "cleartext" };
  const { deviceId, crossSigned } = proof;
  if (deviceId === undefined) return { rejected: "unproven-device" };
  if (device_id !== undefined && device_id !== deviceId) return { rejected: "forged-device" };
  if (requireCrossSigned && !crossSigned) return { rejected: "not-cross-signed" };
  if (sender === own.userId && deviceId === own.deviceId) return { rejected: "own-device" };
  if (!isSessionId(sender_session_id)) return { rejected: "malformed", path: "sender_session_id" };
  if (!isSessionId(dest_session_id)) return { rejected: "malformed", path: "dest_session_id" };
  if (seq !== undefined && !isSeq(seq)) return { rejected: "malformed", path: "seq" };
  const read = readCallMessage(type, content);
  if (read?.ok === undefined) return { rejected: "malformed", ...(read && { path: read.malformed }) };
  return {
    accepted: {
      from: { userId: sender, deviceId, sessionId: sender_session_id },
      toSessionId: dest_session_id,
      seq,
      message: read.ok,
      bytes: sizeOf(read.ok),
    },
  };
}

/** Writes a message. */
export function meshMessage(
  body: CallBody,
  { roomId, slot }: MeshContext,
  own: PeerId,
  peer: PeerId,
  call: { readonly callId: string; readonly seq: number },
): { readonly type: string; readonly content: JsonObject } {
  const content = {
    version: "1",
    call_id: call.callId,
    party_id: own.deviceId,
    conf_id: slot,
    slot_id: slot,
    room_id: roomId,
    device_id: own.deviceId,
    sender_session_id: own.sessionId,
    dest_session_id: peer.sessionId,
    seq: call.seq,
    ...(body.kind === "invite" && { invitee_device_id: peer.deviceId }),
    ...callContent(body.kind === "invite" ? { ...body, invitee: peer.userId } : body),
  };
  return { type: callTypes[body.kind], content };
}

const isSeq = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** About how much room a message takes: descriptions and candidates are all that counts. */
function sizeOf(message: CallMessage): number {
  if ("description" in message) return message.description.sdp.length;
  if (message.kind !== "candidates") return 64;
  return message.candidates.reduce((sum, { candidate }) => sum + candidate.length + 64, 0);
}
