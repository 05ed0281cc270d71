// RoomSetup: how rooms of the virtual homeserver begin, who may enter them, and how they are replaced. Client-server API, rooms.
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import { isFiniteNumber, isObject, isString, type JsonObject, objectOr } from "../room/json.ts";
import type { VirtualRoom } from "./virtual-room.ts";
import type { VirtualRooms } from "./virtual-rooms.ts";

/** Who may enter a room. `knock`: who was invited, and others may ask for an invitation. */
export type JoinRule = "public" | "invite" | "knock" | "restricted";

/** How to make a room. */
export interface RoomOptions {
  /** The users in the room. The first one created it and has power level 100. */
  readonly members: readonly string[];
  readonly encrypted?: boolean;
  /** Changes to the content of `m.room.power_levels`. By default all members may send call memberships. */
  readonly powerLevels?: JsonObject;
  /** Default "11". With "org.matrix.msc3757.11", users own the state keys that begin with their id. */
  readonly version?: string;
  /** Who may enter. Default: everybody, without an event that says so. */
  readonly joinRule?: JoinRule;
}

const defaultLevels: JsonObject = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  events: { "org.matrix.msc3401.call.member": 0 },
};

/** Makes a room and returns its id. @throws RtcError `bad-argument` without members. */
export function setUpRoom(rooms: VirtualRooms, options: RoomOptions, creation: JsonObject = {}): string {
  const { members, encrypted = false, powerLevels = {}, version = "11", joinRule } = options;
  const [creator] = members;
  if (creator === undefined)
    throw new RtcError("bad-argument", "members must name at least one user, the creator of the room");
  const roomId = rooms.create();
  const set = (type: string, content: JsonObject) =>
    rooms.add(roomId, { type, sender: creator, stateKey: "", content });
  set("m.room.create", { room_version: version, ...creation });
  for (const userId of members) setMembership(rooms, roomId, { sender: userId, userId, membership: "join" });
  set("m.room.power_levels", merged({ ...defaultLevels, users: { [creator]: 100 } }, powerLevels));
  if (joinRule) set("m.room.join_rules", { join_rule: joinRule });
  if (encrypted) set("m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" });
  return roomId;
}

export function setMembership(
  rooms: VirtualRooms,
  roomId: string,
  { sender, userId, membership }: { readonly sender: string; readonly userId: string; readonly membership: string },
): void {
  rooms.add(roomId, { type: "m.room.member", sender, stateKey: userId, content: { membership } });
}

export const creatorOf = (room: VirtualRoom): string => room.stateEvent("m.room.create", "")?.sender ?? "";

/** @throws MatrixError `forbidden` if the user may not enter the room. */
export function assertMayJoin(room: VirtualRoom, userId: string): void {
  const membership = membershipOf(room, userId);
  if (membership === "ban") throw new MatrixError("forbidden", `${userId} is banned from the room`);
  if (joinRuleOf(room) === "public" || membership === "join" || membership === "invite") return;
  throw new MatrixError("forbidden", `${userId} is not invited to the room`);
}

/** @throws MatrixError `forbidden` if nobody can invite the user. */
export function assertMayInvite(room: VirtualRoom, userId: string): void {
  const membership = membershipOf(room, userId);
  if (membership === "ban") throw new MatrixError("forbidden", `${userId} is banned from the room`);
  if (membership === "join") throw new MatrixError("forbidden", `${userId} is in the room already`);
}

/** @throws MatrixError `forbidden` if the user may not ask for an invitation. */
export function assertMayKnock(room: VirtualRoom, userId: string): void {
  const membership = membershipOf(room, userId);
  if (membership === "ban") throw new MatrixError("forbidden", `${userId} is banned from the room`);
  if (joinRuleOf(room) !== "knock") throw new MatrixError("forbidden", "the room does not allow to knock");
  if (membership === "join" || membership === "invite")
    throw new MatrixError("forbidden", `${userId} is in the room, or invited to it`);
}

/** Replaces a room by another one with the same rules, in which only its creator is. Returns the id of the new room. */
export function upgradeRoom(rooms: VirtualRooms, roomId: string, version: string): string {
  const room = rooms.get(roomId);
  const creator = creatorOf(room);
  const joinRule = room.stateEvent("m.room.join_rules", "") && joinRuleOf(room);
  const options: RoomOptions = {
    members: [creator],
    encrypted: room.isEncrypted,
    version,
    powerLevels: objectOr(room.stateEvent("m.room.power_levels", "")?.content),
    ...(joinRule && { joinRule }),
  };
  const predecessor = { room_id: roomId, event_id: room.events.at(-1)?.eventId };
  const newRoomId = setUpRoom(rooms, options, { predecessor });
  for (const { stateKey: userId = "" } of room.state.filter(({ type }) => type === "m.room.member"))
    if (membershipOf(room, userId) === "ban")
      setMembership(rooms, newRoomId, { sender: creator, userId, membership: "ban" });
  const content = { body: "This room has been replaced", replacement_room: newRoomId };
  rooms.add(roomId, { type: "m.room.tombstone", sender: creator, stateKey: "", content });
  closeRoom(rooms, roomId, creator);
  return newRoomId;
}

/** Like Synapse, so that ordinary members can neither write nor invite in the old room. */
function closeRoom(rooms: VirtualRooms, roomId: string, sender: string): void {
  const levels = objectOr(rooms.get(roomId).stateEvent("m.room.power_levels", "")?.content);
  const closed = (name: string) => Math.max(closedLevel, isFiniteNumber(levels[name]) ? levels[name] : 0);
  const content = { ...levels, invite: closed("invite"), events_default: closed("events_default") };
  rooms.add(roomId, { type: "m.room.power_levels", sender, stateKey: "", content });
}

const closedLevel = 50;

const membershipOf = (room: VirtualRoom, userId: string): unknown =>
  objectOr(room.stateEvent("m.room.member", userId)?.content)["membership"];

function joinRuleOf(room: VirtualRoom): JoinRule {
  const rule = objectOr(room.stateEvent("m.room.join_rules", "")?.content)["join_rule"];
  return isString(rule) ? (rule as JoinRule) : "public";
}

const merged = (base: JsonObject, changes: JsonObject): JsonObject => ({
  ...base,
  ...Object.fromEntries(
    Object.entries(changes).map(([key, value]) => {
      const before = base[key];
      return [key, isObject(before) && isObject(value) ? merged(before, value) : value];
    }),
  ),
});
