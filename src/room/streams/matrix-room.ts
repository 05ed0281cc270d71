// MatrixRoom: one room as streams, and what a user does in it. Start here.
import {
  defer,
  distinctUntilChanged,
  ignoreElements,
  map,
  merge,
  type Observable,
  startWith,
  Subject,
  switchMap,
} from "rxjs";
import { RtcError } from "../../errors.ts";
import type { Matrix } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import type { Membership } from "../../types.ts";
import type { Receipt } from "../events/ephemeral.ts";
import type { JoinRule } from "../events/state-contents.ts";
import type { EventContents, StateType } from "../events/event-table.ts";
import { isString } from "../json.ts";
import { type CallReactions, callReactions } from "./call-reactions.ts";
import type { RoomMember } from "./directory.ts";
import { followDirectory, followTimeline } from "./follow.ts";
import type { RoomMessage } from "./room-messages.ts";
import { type RoomPermissions, roomPermissions } from "./permissions.ts";
import { companyOf, inEnglish, type Wording } from "./room-name.ts";
import { type MessageDraft, messageOf, type MessageRelation, senderIn } from "./sending.ts";
import { stateChanges, timelineOf } from "./sources.ts";
import { sameFields, sameItems, stable, whenChanged } from "./stable.ts";
import { Decoder, type MalformedEvent, stateReader } from "./state-reader.ts";
import { receiptsIn, typingIn } from "./typing.ts";

/** How to read a room. */
export interface RoomOptions {
  /** How many messages `messages$` holds at most. Default 500. */
  readonly messageCount?: number;
  /** Puts into words who is in a room that has no name. Default: in English, for instance "Ann, Bob and 3 others". */
  readonly wording?: Wording;
  /** The client may not know the room yet: until it does, the room reads as empty. Default false. */
  readonly awaitRoom?: boolean;
}

/** Which of the optional abilities the port has. */
export interface RoomAbilities {
  /** `messages$`, `reactions$` and `raisedHands$` stay empty without it. */
  readonly timeline: boolean;
  /** `typing$` and `receipts$` stay empty without it. */
  readonly ephemeral: boolean;
  /** Without one of these, its request fails with `unsupported`. */
  readonly redactEvent: boolean;
  readonly sendTyping: boolean;
  readonly sendReceipt: boolean;
}

/**
 * One room. Inert until the first subscription; releases everything after the last. However many streams of however many rooms
 * are subscribed to, each stream of the port is listened to once.
 *
 * Behaviors never fail, and keep the identity of what has not changed. A `.value` is cheap while somebody is subscribed; without
 * a subscriber it reads the room each time. What is malformed in the room counts as absent, and is in `malformed$`.
 *
 * What sends is a cold Observable: it sends when subscribed to. It is tried again three times at most where that can help (no
 * connection, a rate limit), as the same request, and fails with an `RtcError`: `forbidden` if the server refuses it, `unsupported`
 * if the port or the server cannot do it, else `request-failed`.
 */
export interface MatrixRoom {
  readonly roomId: string;
  readonly abilities: RoomAbilities;

  /** The name, or else the main alias, or else who is in the room. */
  readonly name$: Behavior<string>;
  /** As plain text. */
  readonly topic$: Behavior<string | undefined>;
  /** `mxc:` URL. */
  readonly avatar$: Behavior<string | undefined>;
  /** Everybody who is joined, invited or knocking, by user id, with names that are unique. */
  readonly members$: Behavior<readonly RoomMember[]>;
  /** One user, in the room or not. */
  profile$(userId: string): Behavior<RoomMember>;
  /** What a user may do, by either form of power levels, and why not. */
  permissions$(userId: string): Behavior<RoomPermissions>;
  /** `invite` where the room does not say. */
  readonly joinRule$: Behavior<JoinRule>;
  /** The main alias, the alternative ones, and those that any server lists: advice, to be looked up before it is shown as true. */
  readonly aliases$: Behavior<readonly string[]>;
  /** The content of any state event of a known type; `undefined` if there is none, or if it is malformed. */
  state$<T extends StateType>(type: T, stateKey?: string): Behavior<EventContents[T] | undefined>;

  /** The newest messages that the client holds, oldest first, with edits, redactions and reactions applied. */
  readonly messages$: Behavior<readonly RoomMessage[]>;
  /** How far each user has read, by receipts and by `m.room.message.feedback`. */
  readonly receipts$: Behavior<readonly Receipt[]>;
  /** Who is typing, without ourselves. */
  readonly typing$: Behavior<readonly string[]>;
  /** Reactions and raised hands of a call of this room, for instance of an `RtcSession`. */
  inCall(call: { readonly membership$: Behavior<readonly Membership[]> }): CallReactions;
  /** Malformed events, each when it is first met, while anybody is subscribed. Subscribing starts no work. */
  readonly malformed$: Observable<MalformedEvent>;

  /**
   * Sends a message, in an encrypted room encrypted, and emits its event id.
   *
   * @throws RtcError `bad-argument` for a message without a body.
   */
  sendMessage(message: string | MessageDraft, relation?: MessageRelation): Observable<string>;
  /** Puts an emoji under a message, and emits the event id. */
  sendReaction(eventId: string, key: string): Observable<string>;
  /** Takes our emoji away again: emits the ids of the redactions. */
  removeReaction(eventId: string, key: string): Observable<string>;
  /** Takes the content out of an event, for everybody and for good, and emits the id of the redaction. */
  redact(eventId: string, reason?: string): Observable<string>;
  /** Sends a state event and emits its id. The state key is empty unless given. */
  sendState(type: string, content: Readonly<Record<string, unknown>>, stateKey?: string): Observable<string>;
  /** Says that we have read up to an event, as a receipt, or that an event has arrived, as `m.room.message.feedback`. */
  sendFeedback(type: "read" | "delivered", eventId: string): Observable<never>;
  /** Says that we are typing, for 30 s at most, or no longer. */
  sendTyping(isTyping: boolean): Observable<never>;
}

/**
 * A room of a client.
 *
 * @throws RtcError `unknown-room` for a room that the client does not know, `bad-argument` for a room id that is no string.
 * @example
 * ```ts
 * import { matrixRoom } from "matrixrtc-rx/room";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 * const room = matrixRoom(home.client("@alice:example.org", "PHONE"), roomId);
 * console.assert(room.name$.value === "@bob:example.org");
 * console.assert(room.members$.value.length === 2);
 * console.assert(room.permissions$("@bob:example.org").value.denial({ kind: "kick", userId: "@alice:example.org" }));
 * ```
 */
export function matrixRoom(matrix: Matrix, roomId: string, options: RoomOptions = {}): MatrixRoom {
  const { messageCount = 500, wording = inEnglish, awaitRoom = false } = options;
  if (!isString(roomId)) throw new RtcError("bad-argument", "roomId must be a string");
  if (!(messageCount > 0)) throw new RtcError("bad-argument", "messageCount must be a number above 0");
  if (!awaitRoom && !matrix.hasRoom(roomId))
    throw new RtcError("unknown-room", `the client is not in a room ${roomId}`);

  const malformed$ = new Subject<MalformedEvent>();
  const decoder = new Decoder((event) => malformed$.next(event));
  const state = stateReader(matrix, roomId, decoder);
  const directory = followDirectory(matrix, roomId, decoder);
  const window = followTimeline(matrix, roomId, decoder, messageCount);
  const receipts = receiptsIn(matrix, roomId);
  const sender = senderIn(matrix, roomId);

  /** A value that state of some types decides. */
  const ofState = <T>(read: () => T, ...types: readonly StateType[]): Behavior<T> =>
    behavior(read, stateChanges(matrix, roomId, types));

  const givenName = () => state("m.room.name")?.name || state("m.room.canonical_alias")?.alias || undefined;
  const nameChanges = stateChanges(matrix, roomId, ["m.room.name", "m.room.canonical_alias"]);
  /** Members are followed only while the room has no name of its own. */
  const namingChanges = merge(
    nameChanges,
    nameChanges.pipe(
      startWith(undefined),
      map(() => givenName() === undefined),
      distinctUntilChanged(),
      switchMap((isNamedByMembers) => (isNamedByMembers ? directory.looked$ : [])),
    ),
  );
  const companyName = () => wording(companyOf(matrix.userId, directory.now.members, directory.now.size));

  const member = (userId: string) => directory.now.member(userId, matrix.stateEvent(roomId, "m.room.member", userId));
  const permissionInputs = (userId: string) => [
    ...permissionTypes.map((type) => matrix.stateEvent(roomId, type, "")?.content),
    matrix.stateEvent(roomId, "m.room.member", userId)?.content,
  ];
  const ownReactions = (eventId: string, key: string) =>
    Array.from(window.now.reactionsOf(eventId)).filter(
      ([, reaction]) => reaction.key === key && reaction.sender === matrix.userId,
    );

  return {
    roomId,
    abilities: {
      timeline: matrix.timeline$ !== undefined,
      ephemeral: matrix.ephemeral$ !== undefined,
      redactEvent: matrix.redactEvent !== undefined,
      sendTyping: matrix.sendTyping !== undefined,
      sendReceipt: matrix.sendReceipt !== undefined,
    },

    name$: behavior(() => givenName() ?? companyName(), namingChanges),
    topic$: ofState(() => state("m.room.topic")?.topic || undefined, "m.room.topic"),
    avatar$: ofState(() => state("m.room.avatar")?.url, "m.room.avatar"),
    members$: behavior(() => directory.now.members, directory.looked$),
    profile$: (userId) =>
      behavior(
        stable(() => member(userId), sameFields),
        directory.looked$,
      ),
    permissions$: (userId) =>
      ofState(
        whenChanged(
          () => permissionInputs(userId),
          () => roomPermissions(matrix, roomId, userId, state),
        ),
        "m.room.member",
        ...permissionTypes,
      ),
    joinRule$: ofState(() => state("m.room.join_rules")?.join_rule ?? "invite", "m.room.join_rules"),
    aliases$: ofState(stable(aliases, sameItems), "m.room.aliases", "m.room.canonical_alias"),
    state$: (type, stateKey) => ofState(() => state(type, stateKey), type),

    messages$: behavior(() => window.now.messages, window.looked$),
    receipts$: behavior(
      stable(() => [...receipts.now.values(), ...window.now.feedback], sameItems),
      merge(receipts.looked$, window.looked$),
    ),
    typing$: typingIn(matrix, roomId),
    inCall: ({ membership$ }) =>
      callReactions({ matrix, membership$, window, timeline$: timelineOf(matrix, roomId), decoder, sender }),
    malformed$: malformed$.asObservable(),

    sendMessage: (message, relation = {}) => sender.event("m.room.message", messageOf(message, relation)),
    sendReaction: (eventId, key) =>
      sender.event("m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key } }),
    removeReaction: (eventId, key) =>
      defer(() => sender.all(ownReactions(eventId, key).map(([reactionId]) => sender.redact(reactionId)))),
    redact: (eventId, reason) => sender.redact(eventId, reason),
    sendState: (type, content, stateKey = "") => sender.state(type, stateKey, content),
    sendFeedback: (type, eventId) =>
      type === "read" && matrix.sendReceipt
        ? sender.receipt(eventId)
        : sender.event("m.room.message.feedback", { type, target_event_id: eventId }).pipe(ignoreElements()),
    sendTyping: (isTyping) => sender.typing(isTyping),
  };

  function aliases(): readonly string[] {
    const { alias, alt_aliases = [] } = state("m.room.canonical_alias") ?? {};
    const lists = Array.from(matrix.stateEvents(roomId, "m.room.aliases"))
      .sort((a, b) => ((a.stateKey ?? "") < (b.stateKey ?? "") ? -1 : 1))
      .flatMap((event) => decoder.content("m.room.aliases", event)?.aliases ?? []);
    return [...new Set([...(alias ? [alias] : []), ...alt_aliases, ...lists])].slice(0, mostAliases);
  }
}

const mostAliases = 1_000;

const permissionTypes = [
  "m.room.power_levels",
  "m.room.create",
  "m.room.encryption",
  "m.room.add_state_level",
  "m.room.send_event_level",
  "m.room.ops_levels",
] as const;
