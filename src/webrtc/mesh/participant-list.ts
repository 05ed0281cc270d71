// ParticipantList: the members of a call with their media, each the same object for as long as nothing of it changes.
import { asyncScheduler } from "rxjs";
import type { MediaParticipant, MediaProblemCode } from "../../media/participant.ts";
import type { Membership } from "../../types.ts";
import { type MediaBehaviors, ParticipantMedia } from "./participant-media.ts";
import { sameItems } from "../../rx/stable.ts";

/** Where the media of a member is. */
export type MediaPlace =
  | { readonly media: MediaBehaviors; readonly isLocal: boolean }
  /** There is no pair with it, for this reason; undefined if that is only a matter of time. */
  | { readonly obstacle: MediaProblemCode | undefined };

/** The next list. It is the same list as before if nothing in it changed. */
export function nextParticipants(
  before: readonly MediaParticipant[],
  members: readonly Membership[],
  placeOf: (member: Membership) => MediaPlace,
): readonly MediaParticipant[] {
  const known = new Map(before.map((item) => [item.member.instance, item]));
  const items = members.map((member) => nextItem(member, placeOf(member), known.get(member.instance)));
  return sameItems(items, before) ? before : items;
}

function nextItem(member: Membership, place: MediaPlace, item: MediaParticipant | undefined): MediaParticipant {
  const isLocal = "media" in place && place.isLocal;
  const media = "media" in place ? place.media : unreached(place.obstacle, item);
  const isSame = item?.member === member && item.isLocal === isLocal && item.connection$ === media.connection$;
  return isSame ? item : { member, isLocal, ...media };
}

/** The media of a member with whom there is no pair. */
function unreached(code: MediaProblemCode | undefined, item: MediaParticipant | undefined): MediaBehaviors {
  const isKnown = item && !item.isLocal && item.problem$.value?.code === code && item.connection$.value === "waiting";
  if (isKnown) return item;
  const media = new ParticipantMedia();
  if (code) media.show({ code, sinceTs: asyncScheduler.now() });
  return media.behaviors;
}
