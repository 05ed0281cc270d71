// RealLab: the lab on a real Synapse, over matrix-js-sdk.
import { ConnectionError, MatrixError as SdkError, type MatrixClient, Method, Visibility } from "matrix-js-sdk";
import { type Matrix, MatrixError } from "../../../src/matrix.ts";
import { device, type RealDevice } from "../../homeserver/device.ts";
import { eventually, type Lab, type Name, names } from "./lab.ts";

export async function realLab(): Promise<Lab> {
  const devices = new Map<Name, RealDevice>();
  for (const name of names) devices.set(name, await device(name));
  const of = (name: Name) => devices.get(name)!;
  const creators = new Map<string, RealDevice>();

  return {
    port: (name) => of(name).matrix,
    async createRoom({ members, encrypted = false, joinRule = "invite", eventLevels = {} }) {
      const [creator, ...others] = members.map(of);
      const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
      const rule = { type: "m.room.join_rules", state_key: "", content: { join_rule: joinRule } };
      const { room_id: roomId } = await creator!.client.createRoom({
        visibility: Visibility.Private,
        room_version: "11",
        invite: others.map(({ userId }) => userId),
        initial_state: [rule, ...(encrypted ? [encryption] : [])],
        power_level_content_override: { events: { "org.matrix.msc3401.call.member": 0, ...eventLevels } },
      });
      creators.set(roomId, creator!);
      for (const { client } of others) await client.joinRoom(roomId);
      // Encryption needs to know who is in the room.
      const isReady = ({ matrix }: RealDevice) =>
        members.map(of).every(({ userId }) => membershipIn(matrix, roomId, userId) === "join") &&
        (!encrypted || matrix.stateEvent(roomId, "m.room.encryption", "") !== undefined);
      await eventually(() => members.map(of).every(isReady));
      return roomId;
    },
    async act(deed, roomId, name) {
      const { client, userId } = of(name);
      const creator = creators.get(roomId)!.client;
      const deeds: Record<typeof deed, () => Promise<unknown>> = {
        // matrix-js-sdk asks nobody as long as it has not heard that it is out of the room.
        join: () => client.http.authedRequest(Method.Post, `/join/${encodeURIComponent(roomId)}`, undefined, {}),
        leave: () => client.leave(roomId),
        knock: () => client.knockRoom(roomId),
        invite: () => creator.invite(roomId, userId),
        kick: () => creator.kick(roomId, userId),
        ban: () => creator.ban(roomId, userId),
        unban: () => creator.unban(roomId, userId),
      };
      await deeds[deed]().catch(rethrow);
    },
    setPresence: (name, text) => of(name).client.setPresence({ presence: "online", status_msg: text }),
    async upgrade(roomId) {
      const { replacement_room: newRoomId } = await creators.get(roomId)!.client.upgradeRoom(roomId, "11");
      creators.set(newRoomId, creators.get(roomId)!);
      return newRoomId;
    },
    async state(roomId, type) {
      const events = await stateOf(creators.get(roomId)!.client, roomId);
      return events.filter((event) => event.type === type);
    },
  };
}

const membershipIn = (matrix: Matrix, roomId: string, userId: string): unknown =>
  (matrix.stateEvent(roomId, "m.room.member", userId)?.content as { membership?: unknown } | undefined)?.membership;

async function stateOf(client: MatrixClient, roomId: string) {
  const events = await client.roomState(roomId);
  return events.map(({ type, state_key: stateKey, sender, content }) => ({
    type,
    stateKey: stateKey ?? "",
    sender,
    // What people call themselves does not matter here.
    content: type === "m.room.member" ? { membership: content["membership"] } : content,
  }));
}

function rethrow(error: unknown): never {
  if (error instanceof SdkError && error.httpStatus === 403) throw new MatrixError("forbidden", error.message);
  if (error instanceof ConnectionError) throw new MatrixError("network", error.message);
  throw error;
}
