// Media: a connection to each LiveKit server that a member of the call publishes on, and whose media is whose.
import type { Participant, Room } from "livekit-client";
import { type Membership, transportOf } from "matrixrtc-rx";
import {
  endWith,
  ignoreElements,
  map,
  type Observable,
  type OperatorFunction,
  scan,
  startWith,
  switchMap,
  take,
  takeUntil,
} from "rxjs";
import { whilePresent } from "matrixrtc-rx";

/** LiveKit rooms by the URL of their authorisation service. */
export type Connections = ReadonlyMap<string, Room>;

/** A LiveKit server, by the URL of its authorisation service, and what we want there. */
export interface Place {
  readonly url: string;
  readonly purpose: "publish" | "subscribe";
}

/** From lists of places to the rooms that are connected. */
export function connections(
  connect: (place: Place) => Observable<Room>,
): OperatorFunction<readonly Place[], Connections> {
  return (places$) =>
    places$.pipe(
      whilePresent(
        ({ url, purpose }) => `${purpose} ${url}`,
        (place$) =>
          place$.pipe(
            take(1),
            switchMap((place) =>
              connect(place).pipe(
                map((room) => ({ ...place, room })),
                takeUntil(place$.pipe(ignoreElements(), endWith(undefined))),
                endWith({ ...place, room: undefined }),
              ),
            ),
          ),
      ),
      scan((rooms, { url, room }) => {
        const others = [...rooms].filter(([other]) => other !== url);
        return new Map(room ? [...others, [url, room]] : others);
      }, new Map<string, Room>()),
      startWith(new Map<string, Room>()),
    );
}

/** Where we publish, and where others do. A member of `legacy` mode publishes where the oldest one does. */
export function placesOf(
  own: { participantIdentity: string },
  ownUrl: string,
  members: readonly Membership[],
): Place[] {
  const mine = members.find(({ participantIdentity }) => participantIdentity === own.participantIdentity);
  const publishUrl = (mine && urlOf(mine, members)) ?? ownUrl;
  const urls = members.map((member) => urlOf(member, members)).filter((url) => url !== undefined);
  const others = [...new Set(urls)].filter((url) => url !== publishUrl);
  return [{ url: publishUrl, purpose: "publish" }, ...others.map((url): Place => ({ url, purpose: "subscribe" }))];
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
