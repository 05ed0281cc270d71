// Presence: whether a user is online, with the name and picture of the user. Client-server specification, presence.
import { asyncScheduler, filter, merge, tap } from "rxjs";
import type { Matrix, RoomEvent } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import { changesByRoom } from "../room-changes.ts";
import { decodeContent } from "../events/decode-event.ts";
import type { PresenceContent } from "../events/ephemeral.ts";
import { type Kept, kept } from "./kept.ts";
import { sourcesOf } from "./sources.ts";
import { sameFields, stable } from "./stable.ts";

/** What is known of a user, whatever the room. */
export interface Presence {
  readonly userId: string;
  /** `unknown`: the server has not said, or does not say. */
  readonly presence: PresenceContent["presence"] | "unknown";
  readonly statusMessage: string | undefined;
  readonly isCurrentlyActive: boolean | undefined;
  /** When the user was last active, by our clock. */
  readonly lastActiveTs: number | undefined;
  readonly displayName: string | undefined;
  /** `mxc:` URL. */
  readonly avatarUrl: string | undefined;
}

/**
 * The presence of a user. Its name and picture follow presence events and the user's member events, whichever came last.
 *
 * A port without `ephemeral$` knows names and pictures, and `unknown` for the rest; so does a server without presence.
 *
 * @example
 * ```ts
 * import { presenceOf } from "matrixrtc-rx/room";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 * const bob$ = presenceOf(home.client("@alice:example.org", "PHONE"), "@bob:example.org");
 * console.assert(bob$.value.presence === "unknown");
 * ```
 */
export function presenceOf(matrix: Matrix, userId: string): Behavior<Presence> {
  const user = userIn(matrix, userId);
  return behavior(
    stable(() => user.now.value, sameFields),
    user.looked$,
  );
}

class UserState {
  value: Presence;

  constructor(userId: string) {
    this.value = {
      userId,
      presence: "unknown",
      statusMessage: undefined,
      isCurrentlyActive: undefined,
      lastActiveTs: undefined,
      displayName: undefined,
      avatarUrl: undefined,
    };
  }

  acceptPresence(content: unknown): void {
    const { ok } = decodeContent("m.presence", content);
    if (!ok) return;
    const { last_active_ago: agoMs, displayname, avatar_url } = ok;
    this.value = {
      ...this.value,
      presence: ok.presence,
      statusMessage: ok.status_msg,
      isCurrentlyActive: ok.currently_active,
      lastActiveTs: agoMs === undefined ? this.value.lastActiveTs : asyncScheduler.now() - agoMs,
      // Servers leave out a profile that has not changed.
      ...(displayname !== undefined && { displayName: displayname }),
      ...(avatar_url !== undefined && { avatarUrl: avatar_url || undefined }),
    };
  }

  acceptMember(event: RoomEvent | undefined): void {
    const { ok } = decodeContent("m.room.member", event?.content);
    if (ok?.membership !== "join") return;
    this.value = { ...this.value, displayName: ok.displayname, avatarUrl: ok.avatar_url || undefined };
  }
}

function userIn(matrix: Matrix, userId: string): Kept<UserState> {
  const memberIn = (roomId: string) => matrix.stateEvent(roomId, "m.room.member", userId);
  const readAll = (user: UserState) => {
    let newest: RoomEvent | undefined;
    for (const roomId of matrix.rooms()) {
      const event = memberIn(roomId);
      if (event && (!newest || event.originServerTs > newest.originServerTs)) newest = event;
    }
    user.acceptMember(newest);
    user.acceptPresence(matrix.ephemeral?.("m.presence", userId));
  };
  return kept({
    make: () => new UserState(userId),
    readAll,
    follow: (user, looked) => {
      const presence$ = sourcesOf(matrix).ephemeral$.pipe(
        filter(({ type, sender }) => type === "m.presence" && sender === userId),
        tap(({ content }) => user.acceptPresence(content)),
      );
      const member$ = changesByRoom(matrix).batch$.pipe(
        tap((batch) => {
          for (const change of batch) {
            if (change.kind === "state" && change.type === "m.room.member" && change.stateKey === userId)
              user.acceptMember(memberIn(change.roomId));
          }
        }),
      );
      const following = merge(presence$, member$).subscribe(looked);
      readAll(user);
      looked();
      return following;
    },
  });
}
