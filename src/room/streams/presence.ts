// Presence: whether a user is online, with the name and picture of the user. Client-server specification, presence.
import { asyncScheduler, filter, map, merge, mergeMap } from "rxjs";
import type { Matrix, RoomEvent } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import { decodeContent } from "../events/decode-event.ts";
import type { PresenceContent } from "../events/ephemeral.ts";
import { kept } from "./kept.ts";
import { newest } from "./newest.ts";
import { sourcesOf } from "./sources.ts";
import { sameJson, stable } from "../../rx/stable.ts";

/** A user, whatever the room. Fields that are not known are absent. */
export interface Presence {
  readonly userId: string;
  /** `unknown`: the server has not said, or does not say. */
  readonly presence: PresenceContent["presence"] | "unknown";
  readonly statusMessage?: string | undefined;
  readonly isCurrentlyActive?: boolean | undefined;
  /** When the user was last active, by our clock. */
  readonly lastActiveTs?: number | undefined;
  readonly displayName?: string | undefined;
  /** `mxc:` URL. */
  readonly avatarUrl?: string | undefined;
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
  const { changes$, ephemeral$ } = sourcesOf(matrix);
  const memberIn = (roomId: string) => matrix.stateEvent(roomId, memberType, userId);
  const user = kept<{ presence: Presence }, Said>({
    make: () => ({ presence: { userId, presence: "unknown" } }),
    whole: () => {
      const members = Array.from(matrix.rooms(), memberIn).filter((event) => event !== undefined);
      return { member: newest(members), content: matrix.ephemeral?.("m.presence", userId) };
    },
    changes$: merge(
      ephemeral$.pipe(filter(({ type, sender }) => type === "m.presence" && sender === userId)),
      changes$.pipe(
        mergeMap((batch) => batch),
        filter((change) => change.kind === "state" && change.type === memberType && change.stateKey === userId),
        map(({ roomId }) => ({ member: memberIn(roomId) })),
      ),
    ),
    apply: (now, { member, content }) => (now.presence = withPresence(withMember(now.presence, member), content)),
  });
  return behavior(
    stable(() => user.now.presence, sameJson),
    user.looked$,
  );
}

/** What a room or the server says about a user. */
interface Said {
  readonly member?: RoomEvent | undefined;
  readonly content?: unknown;
}

const memberType = "m.room.member";

function withPresence(before: Presence, content: unknown): Presence {
  const { ok } = decodeContent("m.presence", content);
  if (!ok) return before;
  const { last_active_ago: agoMs, displayname, avatar_url } = ok;
  return {
    ...before,
    presence: ok.presence,
    statusMessage: ok.status_msg,
    isCurrentlyActive: ok.currently_active,
    lastActiveTs: agoMs === undefined ? before.lastActiveTs : asyncScheduler.now() - agoMs,
    // Servers leave out a profile that has not changed.
    displayName: displayname ?? before.displayName,
    avatarUrl: avatar_url ?? before.avatarUrl,
  };
}

function withMember(before: Presence, event: RoomEvent | undefined): Presence {
  const { ok } = decodeContent(memberType, event?.content);
  if (ok?.membership !== "join") return before;
  return { ...before, displayName: ok.displayname, avatarUrl: ok.avatar_url };
}
