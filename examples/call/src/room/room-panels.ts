// RoomPanels: the room around the call: chat, raised hands, floating reactions. Start here: one function has all of it.
import { merge, type Observable } from "rxjs";
import type { InRoom } from "../in-room.ts";
import { part } from "../view.ts";
import { chat } from "./chat.ts";
import { hands } from "./hands.ts";
import { permitted } from "./permitted.ts";
import { reactions } from "./reactions.ts";

/** Brings the panels of a page to life. */
export function roomPanels(page: HTMLElement, inRoom: InRoom): Observable<unknown> {
  const { room, session, matrix } = inRoom;
  const call = room.inCall(session);
  const buttons = page.querySelectorAll<HTMLElement>(".reactions button");
  return merge(
    chat(page, inRoom),
    hands(page, inRoom, call),
    reactions(page, inRoom, call),
    permitted(room, matrix.userId, "m.reaction", part(page, "[name=hand]")),
    permitted(room, matrix.userId, "io.element.call.reaction", ...buttons),
  );
}
