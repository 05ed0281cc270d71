// MemberLoader: makes a client load room members that it does not know, so that every sender is known. protocol.md 3.2.
import type { MatrixClient, Room } from "matrix-js-sdk";
import { catchError, EMPTY, ignoreElements, type Observable, tap } from "rxjs";
import { MatrixError } from "../matrix.ts";
import { isObject, isString } from "../room/json.ts";
import { pathOf, request } from "./sdk-request.ts";

const memberType = "m.room.member";

export class MemberLoader {
  /** Called when the members of a room have been loaded. Nothing is loaded while it is undefined. */
  onLoaded: ((roomId: string) => void) | undefined;
  #asked = new WeakSet<Room>();

  /** Call this when a member was looked up and is unknown. */
  miss(room: Room): void {
    if (!this.onLoaded || this.#asked.has(room) || room.membersLoaded()) return;
    this.#asked.add(room);
    room.loadMembersIfNeeded().then(
      () => this.onLoaded?.(room.roomId),
      // A failed request is repeated once the connection is back.
      () => {},
    );
  }

  retry(): void {
    this.#asked = new WeakSet();
  }
}

/** Requests the room membership of one user, and adds it to the state of the room. The change follows from that. */
export function loadMember(client: MatrixClient, roomId: string, userId: string): Observable<never> {
  const path = pathOf("rooms", roomId, "state", memberType, userId);
  return request(client, { method: "GET", path, query: { format: "event" } }).pipe(
    tap((response) => addMember(client, roomId, userId, response)),
    catchError((error: MatrixError) => {
      if (error.kind === "not-found") return EMPTY;
      throw error;
    }),
    ignoreElements(),
  );
}

/** Servers that do not know `format` respond with the content alone. */
function addMember(client: MatrixClient, roomId: string, userId: string, response: unknown): void {
  const state = client.getRoom(roomId)?.currentState;
  const event = isObject(response) && isString(response["membership"]) ? { content: response } : response;
  if (!isObject(event) || !isObject(event["content"]))
    throw new MatrixError("other", "the response of the server is no room membership");
  if (!state || state.getStateEvents(memberType, userId)) return;
  const sender = isString(event["sender"]) ? event["sender"] : userId;
  const known = { ...event, type: memberType, state_key: userId, room_id: roomId, sender };
  state.setStateEvents([client.getEventMapper()(known)]);
}
