// MatrixRoom: one room as streams, and what a user does in it. Start here.
import { merge, type Observable, startWith, Subject, switchMap } from "rxjs";
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
import { type Sending, sendingIn } from "./sending.ts";
import { inRoom, sourcesOf, stateChanges } from "./sources.ts";
import { sameJson, sameItems, stable, whenChanged } from "../../rx/stable.ts";
import { decoder, type MalformedEvent, stateReader } from "./state-reader.ts";
import { receiptsIn, typingIn } from "./typing.ts";

/** How to read a room. */
export interface RoomOptions {
  /** How many messages `messages$` holds at most. Default 500. */
  readonly messageCount?: number | undefined;
  /** Puts into words who is in a room that has no name. Default: in English, for instance "Ann, Bob, and 3 others". */
  readonly wording?: Wording | undefined;
  /** The client may not know the room yet: until it does, the room reads as empty. Default false. */
  readonly awaitRoom?: boolean | undefined;
}

/**
 * One room. Inert until the first subscription; releases everything after the last. However many streams of however many rooms
 * are subscribed to, each stream of the port is listened to once.
 *
 * Streams for which the port lacks an ability stay empty: without `timeline$` there are no messages, reactions and hands;
 * without `ephemeral$` no typing and no receipts.
 *
 * Behaviors never fail, and keep the identity of what has not changed. A `.value` is cheap while somebody is subscribed; without
 * a subscriber it reads the room each time. A malformed event counts as absent, and is in `malformed$`.
 */
export interface MatrixRoom extends Sending {
  readonly roomId: string;

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
  /** The permissions of a user, by either form of power levels, with the reason for each denial. */
  permissions$(userId: string): Behavior<RoomPermissions>;
  /** `invite` where the room does not say. */
  readonly joinRule$: Behavior<JoinRule>;
  /** The main alias, the alternative ones, and those that any server lists: advice, to be looked up before it is shown as true. */
  readonly aliases$: Behavior<readonly string[]>;
  /** The content of any state event of a known type. `undefined` if the event is missing or malformed. */
  state$<T extends StateType>(type: T, stateKey?: string): Behavior<EventContents[T] | undefined>;

  /** The newest messages that the client holds, oldest first, with edits, redactions and reactions applied. */
  readonly messages$: Behavior<readonly RoomMessage[]>;
  /**
   * Reads a page of older messages from the server, which `messages$` then has for as long as it has a subscriber, also beyond
   * `messageCount`. Emits whether there may be more. It is tried again and fails as all sending does.
   *
   * @param limit The most events of the page, of all types. Default 50.
   */
  readOlder(limit?: number): Observable<boolean>;
  /** How far each user has read, by receipts and by `m.room.message.feedback`. */
  readonly receipts$: Behavior<readonly Receipt[]>;
  /** The users who are typing, without ourselves. */
  readonly typing$: Behavior<readonly string[]>;
  /** Reactions and raised hands of a call of this room, for instance of an `RtcSession`. */
  inCall(call: { readonly membership$: Behavior<readonly Membership[]> }): CallReactions;
  /** Malformed events, each when it is first met, while anybody is subscribed. Subscribing starts no work. */
  readonly malformed$: Observable<MalformedEvent>;
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
  if (!isString(roomId) || !(messageCount > 0))
    throw new RtcError("bad-argument", "roomId must be a string, and messageCount a number above 0");
  if (!awaitRoom && !matrix.hasRoom(roomId))
    throw new RtcError("unknown-room", `the client is not in a room ${roomId}`);

  const malformed$ = new Subject<MalformedEvent>();
  const decode = decoder((event) => malformed$.next(event));
  const state = stateReader(matrix, roomId, decode);
  const directory = followDirectory(matrix, roomId, decode);
  const { window, readOlder } = followTimeline(matrix, roomId, decode, messageCount);
  const receipts = receiptsIn(matrix, roomId);
  const sending = sendingIn(matrix, roomId);

  /** A value that state of some types decides. */
  const ofState = <T>(read: () => T, ...types: readonly StateType[]): Behavior<T> =>
    behavior(read, stateChanges(matrix, roomId, types));

  const givenName = () => state("m.room.name")?.name || state("m.room.canonical_alias")?.alias || undefined;
  /** Members are followed only while the room has no name of its own. */
  const namingChanges = stateChanges(matrix, roomId, ["m.room.name", "m.room.canonical_alias"]).pipe(
    startWith(undefined),
    // The change itself is emitted last, when the members are there.
    switchMap((change) => merge(givenName() === undefined ? directory.looked$ : [], [change])),
  );
  const companyName = () => {
    const { now } = directory;
    const former = () =>
      Array.from(matrix.stateEvents(roomId, memberType), (event) => now.member(event.stateKey!, () => event));
    return wording(companyOf(matrix.userId, now, former));
  };

  const member = (userId: string) => directory.now.member(userId, () => matrix.stateEvent(roomId, memberType, userId));
  const permissionInputs = (userId: string) => [
    ...permissionTypes.map((type) => matrix.stateEvent(roomId, type, "")?.content),
    matrix.stateEvent(roomId, memberType, userId)?.content,
  ];

  return {
    roomId,

    name$: behavior(() => givenName() ?? companyName(), namingChanges),
    topic$: ofState(() => state("m.room.topic")?.topic || undefined, "m.room.topic"),
    avatar$: ofState(() => state("m.room.avatar")?.url || undefined, "m.room.avatar"),
    members$: behavior(() => directory.now.members, directory.looked$),
    profile$: (userId) =>
      behavior(
        stable(() => member(userId), sameJson),
        directory.looked$,
      ),
    permissions$: (userId) =>
      ofState(
        whenChanged(
          () => permissionInputs(userId),
          () => roomPermissions(matrix, roomId, userId, state),
        ),
        memberType,
        ...permissionTypes,
      ),
    joinRule$: ofState(() => state("m.room.join_rules")?.join_rule ?? "invite", "m.room.join_rules"),
    aliases$: ofState(stable(aliases, sameItems), "m.room.aliases", "m.room.canonical_alias"),
    state$: (type, stateKey) => ofState(() => state(type, stateKey), type),

    messages$: behavior(() => window.now.messages, window.looked$),
    readOlder,
    receipts$: behavior(
      stable(() => [...receipts.now.values(), ...window.now.feedback], sameItems),
      merge(receipts.looked$, window.looked$),
    ),
    typing$: typingIn(matrix, roomId),
    inCall: ({ membership$ }) =>
      callReactions({
        matrix,
        membership$,
        window,
        timeline$: inRoom(sourcesOf(matrix).timeline$, roomId),
        decode,
        sending,
      }),
    malformed$: malformed$.asObservable(),

    ...sending,
  };

  function aliases(): readonly string[] {
    const { alias, alt_aliases = [] } = state("m.room.canonical_alias") ?? {};
    const lists = Array.from(
      matrix.stateEvents(roomId, "m.room.aliases"),
      (event) => decode("m.room.aliases", event).ok?.aliases ?? [],
    );
    return [...new Set([alias || [], alt_aliases, lists.flat().toSorted()].flat())].slice(0, mostAliases);
  }
}

const memberType = "m.room.member";
const mostAliases = 1_000;

const permissionTypes = [
  "m.room.power_levels",
  "m.room.create",
  "m.room.encryption",
  "m.room.add_state_level",
  "m.room.send_event_level",
  "m.room.ops_levels",
] as const;
