// Following a room: its directory and its timeline window, each kept in step with the client while somebody is subscribed.
import type { Matrix, RoomChange } from "../../matrix.ts";
import { Directory } from "./directory.ts";
import { type Kept, kept } from "./kept.ts";
import { inRoom, sourcesOf } from "./sources.ts";
import type { Decode } from "./state-reader.ts";
import { TimelineWindow } from "./timeline-window.ts";

const memberType = "m.room.member";

/** Keeps the directory of a room while somebody is subscribed. */
export function followDirectory(matrix: Matrix, roomId: string, decode: Decode): Kept<Directory> {
  const readAll = (directory: Directory) => directory.putAll(matrix.stateEvents(roomId, memberType));
  return kept({
    make: () => new Directory((event) => decode(memberType, event).ok),
    readAll,
    changes$: inRoom(sourcesOf(matrix).changes$, roomId),
    apply: (directory, batch: readonly RoomChange[]) => {
      for (const change of batch) {
        if (change.kind === "room") readAll(directory);
        else if (change.kind === "state" && change.type === memberType)
          directory.put(change.stateKey, matrix.stateEvent(roomId, memberType, change.stateKey));
      }
    },
  });
}

/** Keeps the newest messages of a room while somebody is subscribed. */
export function followTimeline(matrix: Matrix, roomId: string, decode: Decode, size: number): Kept<TimelineWindow> {
  const readAll = (window: TimelineWindow) => window.reset(matrix.timeline?.(roomId) ?? []);
  return kept({
    make: () => new TimelineWindow(decode, size),
    readAll,
    changes$: inRoom(sourcesOf(matrix).timeline$, roomId),
    apply: (window, batch) => {
      for (const change of batch) {
        if (change.kind === "gap") readAll(window);
        else window.accept(change.event);
      }
    },
  });
}
