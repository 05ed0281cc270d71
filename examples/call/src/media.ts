// Media: a connection to each LiveKit server that members of the call publish on, and which participant a member is.
import type { Participant, Room } from "livekit-client";
import { type Membership, transportOf, whilePresent } from "matrixrtc-rx";
import { endWith, map, type Observable, type OperatorFunction, scan, startWith, switchMap, take } from "rxjs";
import { takeUntilCompleted } from "./take-until-completed.ts";

/** LiveKit rooms by the URL of their authorisation service. */
export type Connections = ReadonlyMap<string, Room>;

/** A LiveKit server, by the URL of its authorisation service, and what we need it for. */
export interface Sfu {
  readonly url: string;
  readonly purpose: "publish" | "subscribe";
}

/** Members name these addresses: without a limit, one hostile user could open a connection of ours for each device. */
const maxSfusPerUser = 2;
const maxSfus = 16;

/** Turns lists of servers into the rooms that are connected. */
export function connections(connect: (sfu: Sfu) => Observable<Room>): OperatorFunction<readonly Sfu[], Connections> {
  return (sfus$) =>
    sfus$.pipe(
      whilePresent(
        ({ url, purpose }) => `${purpose} ${url}`,
        (sfu$) =>
          sfu$.pipe(
            take(1),
            switchMap((sfu) =>
              connect(sfu).pipe(
                map((room) => ({ ...sfu, room })),
                takeUntilCompleted(sfu$),
                endWith({ ...sfu, room: undefined }),
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

/** Where we publish, and where others do. A member in `legacy` mode publishes on the server of the oldest member. */
export function sfusOf(own: { participantIdentity: string }, ownUrl: string, members: readonly Membership[]): Sfu[] {
  const mine = members.find(({ participantIdentity }) => participantIdentity === own.participantIdentity);
  const publishUrl = (mine && urlOf(mine, members)) ?? ownUrl;
  const others = urlsOfOthers(members, publishUrl).map((url): Sfu => ({ url, purpose: "subscribe" }));
  return [{ url: publishUrl, purpose: "publish" }, ...others];
}

/** The addresses of the other members, oldest member first, within the limits. */
function urlsOfOthers(members: readonly Membership[], publishUrl: string): string[] {
  const urls = new Set<string>();
  const countOf = new Map<string, number>();
  for (const member of members) {
    const url = urlOf(member, members);
    const count = countOf.get(member.userId) ?? 0;
    if (url === undefined || url === publishUrl || urls.has(url) || count === maxSfusPerUser) continue;
    urls.add(url);
    countOf.set(member.userId, count + 1);
    if (urls.size === maxSfus) break;
  }
  return [...urls];
}

/** The participant of a member: on the member's own server, under the member's identity. */
export function participantOf(
  member: Membership,
  members: readonly Membership[],
  rooms: Connections,
): Participant | undefined {
  return rooms.get(urlOf(member, members) ?? "")?.getParticipantByIdentity(member.participantIdentity);
}

const urlOf = (member: Membership, members: readonly Membership[]): string | undefined =>
  members[0] && transportOf(member, members[0])?.livekit_service_url;
