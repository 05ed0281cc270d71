// Reactions in a call: emoji that float, and raised hands. Element Call: they relate to the membership event of their sender.
import { asyncScheduler, defer, merge, Observable, share, tap } from "rxjs";
import { RtcError } from "../../errors.ts";
import type { Matrix, TimelineChange, TimelineEvent } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import type { Membership } from "../../types.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isFiniteNumber, objectOr } from "../json.ts";
import type { Kept } from "./kept.ts";
import type { Sender } from "./sending.ts";
import { sameFields, stable } from "./stable.ts";
import type { Decoder } from "./state-reader.ts";
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

/** What the reactions of a call are made of. */
export interface CallReactionSources {
  readonly matrix: Matrix;
  readonly membership$: Behavior<readonly Membership[]>;
  readonly window: Kept<TimelineWindow>;
  readonly timeline$: Observable<readonly TimelineChange[]>;
  readonly decoder: Decoder;
  readonly sender: Sender;
}

const callReactionType = "io.element.call.reaction";

export function callReactions(sources: CallReactionSources): CallReactions {
  const { matrix, membership$, window, sender } = sources;
  const raisedHands = stable(() => handsOf(window.now, membership$.value), isSameHands);
  const us = (): Membership => {
    const isUs = ({ userId, deviceId }: Membership) => userId === matrix.userId && deviceId === matrix.deviceId;
    const own = membership$.value.find(isUs);
    if (!own) throw new RtcError("not-in-call", "this device is not in the call");
    return own;
  };
  /** Hands that we raised, and that the room may not have shown yet. */
  const raised = new Set<string>();
  /** Sends what relates to our membership. */
  const send = (type: string, content: (eventId: string) => Record<string, unknown>) =>
    defer(() => sender.event(type, content(us().eventId)));

  return {
    reactions$: floating(sources),
    raisedHands$: behavior(raisedHands, merge(membership$, window.looked$)),
    react(emoji, name = emoji) {
      if (firstCharacter(emoji) === "") throw new RtcError("bad-argument", "emoji must be a string that is not empty");
      return send(callReactionType, (event_id) => ({
        "m.relates_to": { rel_type: "m.reference", event_id },
        emoji,
        name,
      }));
    },
    raiseHand: () =>
      send("m.reaction", (event_id) => ({
        "m.relates_to": { rel_type: "m.annotation", event_id, key: raisedHandKey },
      })).pipe(tap((eventId) => raised.add(eventId))),
    lowerHand: () =>
      defer(() => {
        const { eventId, userId } = us();
        const seen = [...window.now.hands].filter(({ target, sender: by }) => target === eventId && by === userId);
        const all = new Set([...raised, ...seen.map((hand) => hand.eventId)]);
        raised.clear();
        return sender.all(Array.from(all, (hand) => sender.redact(hand)));
      }),
  };
}

/** The hands at membership events of their senders; of several at one, the first counts. */
function handsOf(window: TimelineWindow, members: readonly Membership[]): readonly RaisedHand[] {
  const byEvent = new Map(members.map((member) => [member.eventId, member]));
  const hands = new Map<string, RaisedHand>();
  for (const { eventId, sender, ts, target } of window.hands) {
    const member = byEvent.get(target);
    if (member?.userId !== sender || hands.has(target)) continue;
    hands.set(target, { member, raisedTs: ts, eventId });
  }
  return [...hands.values()].sort((a, b) => a.raisedTs - b.raisedTs || (a.eventId < b.eventId ? -1 : 1));
}

const isSameHands = (a: readonly RaisedHand[], b: readonly RaisedHand[]): boolean =>
  a.length === b.length && a.every((hand, at) => sameFields(hand, b[at]!));

/** Of one member not more than one in this time. */
const shownMs = 3_000;
/** Older ones were sent while we were away. */
const freshMs = 10_000;
/** How long a reaction waits for the membership event that it relates to, which may come with it. */
const graceMs = 5_000;
const mostWaiting = 100;

interface Waiting {
  readonly event: TimelineEvent;
  readonly untilTs: number;
}

function floating({ timeline$, membership$, decoder }: CallReactionSources): Observable<CallReaction> {
  return new Observable<CallReaction>((subscriber) => {
    let waiting: readonly Waiting[] = [];
    const lastTs = new Map<string, number>();

    /** Shows a reaction if its member is known. */
    const show = (event: TimelineEvent): boolean => {
      const content = decoder.content(callReactionType, event);
      if (!content) return true;
      const target = content["m.relates_to"].event_id;
      const member = membership$.value.find(({ eventId, userId }) => eventId === target && userId === event.sender);
      const emoji = firstCharacter(content.emoji);
      const now = asyncScheduler.now();
      if (!member) return false;
      if (emoji === "" || now - (lastTs.get(member.instance) ?? -Infinity) < shownMs) return true;
      lastTs.set(member.instance, now);
      subscriber.next({ member, emoji, name: content.name, eventId: event.eventId });
      return true;
    };
    const accept = (batch: readonly TimelineChange[]) => {
      for (const change of batch) {
        if (change.kind !== "event" || change.event.type !== callReactionType || !isFresh(change.event)) continue;
        const untilTs = asyncScheduler.now() + graceMs;
        if (!show(change.event)) waiting = [...waiting, { event: change.event, untilTs }].slice(-mostWaiting);
      }
    };
    const lookAgain = (members: readonly Membership[]) => {
      const instances = new Set(members.map(({ instance }) => instance));
      for (const instance of lastTs.keys()) if (!instances.has(instance)) lastTs.delete(instance);
      const now = asyncScheduler.now();
      waiting = waiting.filter(({ event, untilTs }) => untilTs > now && !show(event));
    };
    subscriber.add(membership$.subscribe(lookAgain));
    subscriber.add(timeline$.subscribe(accept));
  }).pipe(share());
}

function isFresh({ unsigned }: TimelineEvent): boolean {
  const { age } = objectOr(unsigned);
  return !isFiniteNumber(age) || age < freshMs;
}

function firstCharacter(text: unknown): string {
  if (typeof text !== "string") return "";
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text.trim());
  return first?.segment ?? "";
}
