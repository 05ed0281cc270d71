// Media: a connection to each LiveKit server that a member of the call publishes on, and whose media is whose.
import type { Participant, Room } from "livekit-client";
import { type Membership, transportOf } from "matrixrtc-rx";
import { endWith, map, type Observable, type OperatorFunction, scan, startWith } from "rxjs";
import { whilePresent } from "./while-present.ts";

/** LiveKit rooms by the URL of their authorisation service. */
export type Connections = ReadonlyMap<string, Room>;

/** From lists of URLs to the rooms that are connected. */
export function connections(
  connect: (url: string) => Observable<Room>,
): OperatorFunction<readonly string[], Connections> {
  return (urls$) =>
    urls$.pipe(
      whilePresent(
        (url) => url,
        (url) =>
          connect(url).pipe(
            map((room) => ({ url, room })),
            endWith({ url, room: undefined }),
          ),
      ),
      scan((rooms, { url, room }) => {
        const others = [...rooms].filter(([other]) => other !== url);
        return new Map(room ? [...others, [url, room]] : others);
      }, new Map<string, Room>()),
      startWith(new Map<string, Room>()),
    );
}

/** The URLs of the LiveKit servers in use: ours first, then those that members publish on. */
export function urlsOf(own: string, members: readonly Membership[]): readonly string[] {
  const urls = members.map((member) => urlOf(member, members)).filter((url) => url !== undefined);
  return [...new Set([own, ...urls])];
}

/** The participant whose media is that of a member: looked for on the member's own server, and by identity. */
export function participantOf(
  member: Membership,
  members: readonly Membership[],
  rooms: Connections,
): Participant | undefined {
  return rooms.get(urlOf(member, members) ?? "")?.getParticipantByIdentity(member.participantIdentity);
}

const urlOf = (member: Membership, members: readonly Membership[]): string | undefined =>
  members[0] && transportOf(member, members[0])?.livekit_service_url;
