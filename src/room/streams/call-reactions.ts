// Reactions in a call: emoji that float, and raised hands. Element Call: they relate to the membership event of their sender.
import {
  concat,
  defer,
  filter,
  groupBy,
  merge,
  mergeMap,
  type Observable,
  share,
  take,
  tap,
  timer,
  withLatestFrom,
} from "rxjs";
import { RtcError } from "../../errors.ts";
import type { Matrix, TimelineChange, TimelineEvent } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import type { Membership } from "../../types.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isFiniteNumber, isString, objectOr } from "../json.ts";
import type { Kept } from "./kept.ts";
import { byAge } from "./newest.ts";
import type { Sending } from "./sending.ts";
import { sameItems, stable } from "../../rx/stable.ts";
import type { Decode } from "./state-reader.ts";
import type { TimelineWindow } from "./timeline-window.ts";

/** An emoji that a member sends into the call, to float there for a moment. */
export interface CallReaction {
  readonly member: Membership;
  /** One character as people see it. */
  readonly emoji: string;
  /** Its name in Element Call, for instance `clapping`. */
  readonly name: string | undefined;
  readonly eventId: string;
}

/** A hand that is up. */
export interface RaisedHand {
  readonly member: Membership;
  /** Since when, by the clock of the member's server. */
  readonly raisedTs: number;
  readonly eventId: string;
}

/** Reactions and raised hands of one call, compatible with Element Call. */
export interface CallReactions {
  /** Emoji as they come. Of each member one in 3 s at most: those in between are dropped, as in Element Call. */
  readonly reactions$: Observable<CallReaction>;
  /**
   * The hands that are up, first raised first. A hand is lowered by redaction, when its member leaves, and when the member's
   * membership event is replaced: in Element Call, too.
   */
  readonly raisedHands$: Behavior<readonly RaisedHand[]>;
  /**
   * Sends an emoji into the call and emits the event id. Fails with an `RtcError` as all sending does, and with `not-in-call`
   * if this device is not in the call.
   *
   * @param name Its name in Element Call, which has sounds for some.
   * @throws RtcError `bad-argument` for an empty emoji.
   */
  react(emoji: string, name?: string): Observable<string>;
  /** Raises our hand and emits the event id. */
  raiseHand(): Observable<string>;
  /** Lowers our hand: emits the id of each redaction, none if it is not up. */
  lowerHand(): Observable<string>;
}

/** The sources from which the reactions of a call are made. */
export interface CallReactionSources {
  readonly matrix: Matrix;
  readonly membership$: Behavior<readonly Membership[]>;
  readonly window: Kept<TimelineWindow>;
  readonly timeline$: Observable<readonly TimelineChange[]>;
  readonly decode: Decode;
  readonly sending: Sending;
}

const callReactionType = "io.element.call.reaction";

export function callReactions(sources: CallReactionSources): CallReactions {
  const { matrix, membership$, window, sending } = sources;
  const raisedHands = stable(() => handsOf(window.now, membership$.value), isSameHands);
  const us = (): Membership => {
    const isUs = ({ userId, deviceId }: Membership) => userId === matrix.userId && deviceId === matrix.deviceId;
    const own = membership$.value.find(isUs);
    if (!own) throw new RtcError("not-in-call", "this device is not in the call");
    return own;
  };
  /** Hands that we raised, and that the room may not have shown yet. */
  const raised = new Set<string>();
  return {
    reactions$: floating(sources),
    raisedHands$: behavior(raisedHands, merge(membership$, window.looked$)),
    react(emoji, name = emoji) {
      if (firstCharacter(emoji) === "") throw new RtcError("bad-argument", "emoji must be a string that is not empty");
      return defer(() => {
        const relation = { rel_type: "m.reference", event_id: us().eventId };
        return sending.sendEvent(callReactionType, { "m.relates_to": relation, emoji, name });
      });
    },
    raiseHand: () =>
      defer(() => sending.sendReaction(us().eventId, raisedHandKey)).pipe(tap((eventId) => raised.add(eventId))),
    lowerHand: () =>
      defer(() => {
        const { eventId, userId } = us();
        for (const { event, target } of window.now.hands)
          if (target === eventId && event.sender === userId) raised.add(event.eventId);
        const all = [...raised];
        raised.clear();
        return concat(...all.map((hand) => sending.redact(hand)));
      }),
  };
}

/** The hands at membership events of their senders; of several at one, the first counts. */
function handsOf(window: TimelineWindow, members: readonly Membership[]): readonly RaisedHand[] {
  const byEvent = new Map(members.map((member) => [member.eventId, member]));
  return window.hands
    .toSorted((a, b) => byAge(a.event, b.event))
    .flatMap(({ event, target }) => {
      const member = byEvent.get(target);
      if (member?.userId !== event.sender) return [];
      byEvent.delete(target);
      return [{ member, raisedTs: event.originServerTs, eventId: event.eventId }];
    });
}

const isSameHands = (a: readonly RaisedHand[], b: readonly RaisedHand[]): boolean =>
  sameItems(a.flatMap(Object.values), b.flatMap(Object.values));

/** A member has at most one reaction shown in this time. */
const shownMs = 3_000;
/** Older ones were sent while we were away. */
const freshMs = 10_000;

function floating({ timeline$, membership$, decode }: CallReactionSources): Observable<CallReaction> {
  const reactionOf = (event: TimelineEvent, members: readonly Membership[]): readonly CallReaction[] => {
    const content = isFresh(event) ? decode(callReactionType, event).ok : undefined;
    const target = content?.["m.relates_to"].event_id;
    const member = members.find(({ eventId, userId }) => eventId === target && userId === event.sender);
    const emoji = firstCharacter(content?.emoji);
    return content && member && emoji ? [{ member, emoji, name: content.name, eventId: event.eventId }] : [];
  };
  return timeline$.pipe(
    mergeMap((batch) => batch.flatMap((change) => (change.kind === "event" ? change.event : []))),
    filter(({ type }) => type === callReactionType),
    withLatestFrom(membership$),
    mergeMap(([event, members]) => reactionOf(event, members)),
    groupBy(({ member }) => member.instance, { duration: () => timer(shownMs) }),
    mergeMap(take(1)),
    share(),
  );
}

function isFresh({ unsigned }: TimelineEvent): boolean {
  const { age } = objectOr(unsigned);
  return !isFiniteNumber(age) || age < freshMs;
}

function firstCharacter(text: unknown): string {
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(isString(text) ? text.trim() : "");
  return first?.segment ?? "";
}
