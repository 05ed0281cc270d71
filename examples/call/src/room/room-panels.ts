// RoomPanels: the room around the call: chat, raised hands, floating reactions. Start here: one function mounts all of it.
import type { RtcSession } from "matrixrtc-rx";
import type { MatrixRoom } from "matrixrtc-rx/room";
import { map, merge, type Observable } from "rxjs";
import { element, shown } from "../element.ts";
import { chat } from "./chat.ts";
import type { Faces } from "./faces.ts";
import { hands } from "./hands.ts";
import { permitted } from "./permitted.ts";
import { reactionButtons, reactions } from "./reactions.ts";

export interface RoomPanelsOptions {
  readonly room: MatrixRoom;
  readonly session: Pick<RtcSession, "membership$">;
  readonly own: { readonly userId: string; readonly deviceId: string };
  readonly faces: Faces;
  readonly nameOf: (userId: string) => string;
}

/** Shows the panels in a place for as long as it is subscribed to. */
export function roomPanels(place: ParentNode, options: RoomPanelsOptions): Observable<never> {
  const { room, session, own, faces, nameOf } = options;
  const call = room.inCall(session);
  const toggle = element("button", { className: "panel", textContent: "Chat" });
  const hand = element("button", { className: "panel", textContent: "Raise hand" });
  const { node, buttons } = reactionButtons();
  const tools = element("div", { className: "tools" }, toggle, hand, node);
  const permissions$ = room.permissions$(own.userId);
  const denialOf = (type: string) =>
    permissions$.pipe(map((permissions) => permissions.denial({ kind: "event", type })));
  const everything$ = merge(
    chat(place, { room, userId: own.userId, faces, toggle }),
    hands(place, { call, button: hand, own, nameOf }),
    reactions(place, call, buttons, nameOf),
    permitted(denialOf("m.reaction"), hand),
    permitted(denialOf("io.element.call.reaction"), ...buttons),
  );
  return shown(tools, place, everything$);
}
