// Following a room: its directory and its timeline window, each kept in step with the client while somebody is subscribed.
import type { Matrix, RoomChange, TimelineChange } from "../../matrix.ts";
import { Directory } from "./directory.ts";
import { type Kept, kept } from "./kept.ts";
import { inRoom, sourcesOf } from "./sources.ts";
import type { Decode } from "./state-reader.ts";
import { TimelineWindow } from "./timeline-window.ts";

const memberType = "m.room.member";

/** Keeps the directory of a room while somebody is subscribed. */
export const followDirectory = (matrix: Matrix, roomId: string, decode: Decode): Kept<Directory> =>
  kept<Directory, readonly RoomChange[]>({
    make: () => new Directory((event) => decode(memberType, event).ok),
    whole: () => [{ kind: "room", roomId }],
    changes$: inRoom(sourcesOf(matrix).changes$, roomId),
    apply: (directory, batch) => {
      for (const change of batch) {
        if (change.kind === "room") directory.putAll(matrix.stateEvents(roomId, memberType));
        else if (change.kind === "state" && change.type === memberType)
          directory.put(change.stateKey, matrix.stateEvent(roomId, memberType, change.stateKey));
      }
    },
  });

/** Keeps the newest messages of a room while somebody is subscribed. */
export const followTimeline = (matrix: Matrix, roomId: string, decode: Decode, size: number): Kept<TimelineWindow> =>
  kept<TimelineWindow, readonly TimelineChange[]>({
    make: () => new TimelineWindow(decode, size),
    whole: () => [{ kind: "gap", roomId }],
    changes$: inRoom(sourcesOf(matrix).timeline$, roomId),
    apply: (window, batch) => {
      for (const change of batch) {
        if (change.kind === "gap") window.reset(matrix.timeline?.(roomId) ?? []);
        else window.accept(change.event);
      }
    },
  });
