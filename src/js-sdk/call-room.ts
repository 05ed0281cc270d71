// CallRoom: what a new room needs, so that everybody in it may be in its call. Client-server API, `createRoom`.
import type { ICreateRoomOpts } from "matrix-js-sdk";
import { slotTypes, stateMemberType } from "../room/names.ts";

/**
 * What a new room needs, so that everybody in it may be in its call: power levels, and encryption. For `createRoom` of the
 * SDK.
 *
 * By default ordinary members may send no state, and so cannot join a call of the modes `legacy` and `compatibility`. The power
 * levels of a request replace those that the homeserver has for single event types, so all of them are here.
 *
 * @param encrypted Whether the room, and so its calls, are encrypted. Default true.
 * @example
 * ```ts
 * import { callRoom } from "matrixrtc-rx/js-sdk";
 *
 * // const { room_id } = await client.createRoom({ name: "Kitchen", ...callRoom() });
 * console.assert(callRoom().power_level_content_override.events["org.matrix.msc3401.call.member"] === 0);
 * ```
 */
export const callRoom = (encrypted = true): CallRoom => ({
  initial_state: encrypted
    ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }]
    : [],
  power_level_content_override: {
    events: {
      [stateMemberType]: 0,
      ...Object.fromEntries(slotTypes.map((type) => [type, 50])),
      "m.room.name": 50,
      "m.room.avatar": 50,
      "m.room.canonical_alias": 50,
      "m.room.power_levels": 100,
      "m.room.history_visibility": 100,
      "m.room.encryption": 100,
      "m.room.server_acl": 100,
      "m.room.tombstone": 100,
    },
  },
});

/** The part of a `createRoom` request of the SDK that `callRoom` makes. */
export interface CallRoom extends Required<Pick<ICreateRoomOpts, "initial_state">> {
  readonly power_level_content_override: { readonly events: Readonly<Record<string, number>> };
}
