// Following a room: its directory and its timeline window, each kept in step with the client while somebody is subscribed.
import { Subscription } from "rxjs";
import type { Matrix, RoomChange } from "../../matrix.ts";
import { changesByRoom } from "../room-changes.ts";
import { Directory } from "./directory.ts";
import { type Kept, kept } from "./kept.ts";
import { timelineOf } from "./sources.ts";
import type { Decoder } from "./state-reader.ts";
import { TimelineWindow } from "./timeline-window.ts";

/** Keeps the directory of a room while somebody is subscribed. */
export function followDirectory(matrix: Matrix, roomId: string, decoder: Decoder): Kept<Directory> {
  const readAll = (directory: Directory) => directory.putAll(matrix.stateEvents(roomId, "m.room.member"));
  const take = (directory: Directory, change: RoomChange) => {
    if (change.kind === "room") readAll(directory);
    else if (change.kind === "state" && change.type === "m.room.member")
      directory.put(change.stateKey, matrix.stateEvent(roomId, change.type, change.stateKey));
  };
  return kept({
    make: () => new Directory((event) => decoder.content("m.room.member", event)),
    readAll,
    follow: (directory, looked) => {
      const stop = changesByRoom(matrix).watch(roomId, {
        refresh: (batch) => {
          for (const change of batch) take(directory, change);
          looked();
        },
        deadlineTs: undefined,
      });
      return new Subscription(stop);
    },
  });
}

/** Keeps the newest messages of a room while somebody is subscribed. */
export function followTimeline(matrix: Matrix, roomId: string, decoder: Decoder, size: number): Kept<TimelineWindow> {
  const readAll = (window: TimelineWindow) => window.reset(matrix.timeline?.(roomId) ?? []);
  return kept({
    make: () => new TimelineWindow(decoder, size),
    readAll,
    follow: (window, looked) => {
      const following = timelineOf(matrix, roomId).subscribe((batch) => {
        for (const change of batch) {
          if (change.kind === "gap") readAll(window);
          else window.accept(change.event);
        }
        looked();
      });
      readAll(window);
      looked();
      return following;
    },
  });
}
