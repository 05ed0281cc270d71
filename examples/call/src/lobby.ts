// Lobby: the way to an encrypted room, made anew or given by the link, in which every member may join the call.
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
  startWith,
  switchMap,
  take,
  tap,
} from "rxjs";
import { element, reasonOf, shown } from "./element.ts";
import { type Link, rememberRoom } from "./link.ts";

/**
 * Emits the id of a room that we have joined, once the client knows that it is encrypted: what it knows at first may be
 * older than that. No call is made in a room that is not encrypted.
 */
export function room(client: MatrixClient, { roomId, via }: Link): Observable<string> {
  const room$ = roomId === undefined ? askForName(client) : defer(() => joinRoom(client, roomId, via));
  return room$.pipe(
    tap((id) => rememberRoom(id, client)),
    switchMap((id) =>
      shown(card("Waiting for an encrypted room…"), document.querySelector("main")!, untilReady(client, id)),
    ),
  );
}

function untilReady(client: MatrixClient, roomId: string): Observable<string> {
  return fromEvent(client, ClientEvent.Sync).pipe(
    startWith(undefined),
    map(() => client.getRoom(roomId)),
    filter((known) => known?.getMyMembership() === KnownMembership.Join && known.hasEncryptionStateEvent()),
    map(() => roomId),
    take(1),
  );
}

const card = (text: string) => element("p", { className: "card note" }, text);

async function joinRoom(client: MatrixClient, roomId: string, via: readonly string[]): Promise<string> {
  if (client.getRoom(roomId)?.getMyMembership() === KnownMembership.Join) return roomId;
  const joined = await client.joinRoom(roomId, { viaServers: [...via] });
  return joined.roomId;
}

function askForName(client: MatrixClient): Observable<string> {
  const name = element("input", { name: "name", value: "Kitchen", required: true });
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
  return shown(form, document.querySelector("main")!, created$);
}

/** Everybody may be in the call. This replaces the homeserver's list, so what needs power is listed again. */
const powers = {
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
    power_level_content_override: { events: powers },
  });
  return room_id;
}
