// EnterRoom: how we come to be in an encrypted room: a new one, or the one that the link names.
import { ClientEvent, KnownMembership, type MatrixClient, Preset } from "matrix-js-sdk";
import {
  catchError,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  fromEvent,
  map,
  type Observable,
  retry,
  startWith,
  switchMap,
  take,
  tap,
} from "rxjs";
import { element, page, whileWaiting } from "./element.ts";
import { type Link, rememberRoom, withoutRoom } from "./link.ts";
import { reasonOf } from "./reason.ts";

/** Emits the id of a room once we have joined it and the client knows that it is encrypted: other rooms get no calls. */
export function enterRoom(client: MatrixClient, { roomId, via }: Link): Observable<string> {
  const room$ = roomId === undefined ? newRoom(client) : linkedRoom(client, roomId, via);
  return room$.pipe(
    tap((id) => rememberRoom(id, client)),
    switchMap((id) =>
      whenEncrypted(client, id).pipe(whileWaiting("Waiting for the room to be encrypted. Other rooms have no calls.")),
    ),
  );
}

/** The room state that the client has at first may be older than the encryption of the room. */
function whenEncrypted(client: MatrixClient, roomId: string): Observable<string> {
  return fromEvent(client, ClientEvent.Sync).pipe(
    startWith(undefined),
    filter(() => isJoined(client, roomId) && client.getRoom(roomId)?.hasEncryptionStateEvent() === true),
    map(() => roomId),
    take(1),
  );
}

const isJoined = (client: MatrixClient, roomId: string): boolean =>
  client.getRoom(roomId)?.getMyMembership() === KnownMembership.Join;

/** Joins the room of the link. If that fails, the user reads why, and may try again or make another room. */
function linkedRoom(client: MatrixClient, roomId: string, via: readonly string[]): Observable<string> {
  return defer(async () => {
    if (isJoined(client, roomId)) return roomId;
    const joined = await client.joinRoom(roomId, { viaServers: [...via] });
    return joined.roomId;
  }).pipe(whileWaiting("Entering the room…"), retry({ delay: tryAgain }));
}

/** Emits when the user wants to try again. */
function tryAgain(error: unknown): Observable<unknown> {
  const again = element("button", { className: "primary" }, "Try again");
  const card = element(
    "div",
    { className: "card" },
    element("h1", {}, "This room cannot be entered"),
    element("p", { className: "problem", role: "alert" }, reasonOf(error)),
    again,
    element("a", { href: withoutRoom() }, "New room"),
  );
  return page(card, fromEvent(again, "click").pipe(take(1)));
}

function newRoom(client: MatrixClient): Observable<string> {
  const name = element("input", { name: "name", value: "Kitchen", required: true, autofocus: true });
  const problem = element("p", { className: "problem", role: "alert" });
  const form = element(
    "form",
    { className: "card" },
    element("h1", {}, "New room"),
    element("p", { className: "note" }, "Or open a link that somebody has sent you."),
    element("label", {}, "Name", name),
    problem,
    element("button", { className: "primary" }, "Create room"),
  );
  const created$ = fromEvent(form, "submit").pipe(
    tap((event) => event.preventDefault()),
    exhaustMap(() =>
      defer(() => createRoom(client, name.value)).pipe(
        catchError((error: unknown) => {
          problem.textContent = reasonOf(error);
          return EMPTY;
        }),
      ),
    ),
    take(1),
  );
  return page(form, created$);
}

/** Everybody may be in the call. This replaces the homeserver's list, so the event types that need power are named again. */
const powerOfEvents = {
  "org.matrix.msc3401.call.member": 0,
  "org.matrix.msc4143.rtc.slot": 50,
  "m.room.encryption": 100,
  "m.room.history_visibility": 100,
  "m.room.power_levels": 100,
  "m.room.server_acl": 100,
  "m.room.tombstone": 100,
};

async function createRoom(client: MatrixClient, name: string): Promise<string> {
  const { room_id } = await client.createRoom({
    name,
    preset: Preset.PublicChat,
    initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    power_level_content_override: { events: powerOfEvents },
  });
  return room_id;
}
