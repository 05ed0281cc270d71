// MatrixRTCSessionManager: the calls of all rooms of a client, with the names of matrix-js-sdk 43.
import type { MatrixClient, MatrixEvent, Room, RoomMember, RoomState } from "matrix-js-sdk";
import { isStoreEmpty } from "../js-sdk/sdk-sticky-store.ts";
import { names, stateMemberType } from "../room/names.ts";
import type { CallMembership } from "./call-membership.ts";
import { childLog, type CompatLog, type LoggerSubset } from "./compat-log.ts";
import { MatrixRTCSession, type SessionKeeper } from "./compat-session.ts";
import { Emitter } from "./emitter.ts";
import { membersOf } from "./member-events.ts";
import type { RtcSlotEventContent, SlotDescription } from "./original-types.ts";
import { computeSlotId, roomCall } from "./slot-description.ts";

/** The listeners of `MatrixRTCSessionManager`. */
export type MatrixRTCSessionManagerEventHandlerMap = {
  session_started: (roomId: string, session: MatrixRTCSession) => void;
  session_ended: (roomId: string, session: MatrixRTCSession) => void;
};

/**
 * The calls of all rooms of a client, with the names of matrix-js-sdk. In streams it is `rtcSessions` with `{ open: encryptedSession }`.
 *
 * It has five listeners, for any number of rooms. Calls that run already when it starts begin for its listeners then.
 *
 * @example
 * ```ts
 * import type { MatrixClient } from "matrix-js-sdk";
 * import { MatrixRTCSessionManager, MatrixRTCSessionManagerEvents } from "matrixrtc-rx/compat";
 *
 * function watch(client: MatrixClient): () => void {
 *   const manager = new MatrixRTCSessionManager(undefined, client);
 *   manager.on(MatrixRTCSessionManagerEvents.SessionStarted, (roomId) => console.log("a call in", roomId));
 *   manager.start();
 *   return () => manager.stop();
 * }
 * console.assert(typeof watch === "function");
 * ```
 */
export class MatrixRTCSessionManager extends Emitter<MatrixRTCSessionManagerEventHandlerMap> {
  readonly #client: MatrixClient;
  readonly #slotDescription: SlotDescription;
  readonly #logger: LoggerSubset | undefined;
  readonly #log: CompatLog;
  #isRunning = false;
  readonly #sessions = new Map<string, MatrixRTCSession>();
  readonly #keeper: SessionKeeper = {
    onMembershipsChanged: (before, session) => this.#onMembershipsChanged(before, session),
  };
  readonly #listeners: Readonly<Record<string, (...args: never[]) => void>>;

  /** @param slotDescription Where the calls happen. Default: the usual call of each room. */
  constructor(rootLogger: LoggerSubset | undefined, client: MatrixClient, slotDescription: SlotDescription = roomCall) {
    super();
    this.#client = client;
    this.#slotDescription = slotDescription;
    this.#logger = rootLogger;
    this.#log = childLog(rootLogger, `[MatrixRTCSessionManager ${computeSlotId(slotDescription)}]`);
    this.#listeners = {
      Room: (room: Room) => this.#refresh(room),
      event: (event: MatrixEvent) => this.#onEvent(event),
      "Event.decrypted": (event: MatrixEvent) => this.#onDecrypted(event),
      "RoomState.events": (event: MatrixEvent) => this.#onState(event),
      "RoomState.members": (_: MatrixEvent, __: RoomState, member: RoomMember) => this.#onMember(member),
    };
  }

  /** Begins to listen, and finds the calls that run already. */
  start(): void {
    this.#isRunning = true;
    for (const room of this.#client.getRooms() ?? [])
      if (mayHaveCall(room) && this.#readMembers(room).length > 0) this.getRoomSession(room);
    for (const [event, listener] of Object.entries(this.#listeners)) this.#client.on(event as never, listener as never);
  }

  /** Stops all sessions, and stops to listen. */
  stop(): void {
    this.#isRunning = false;
    for (const session of this.#sessions.values()) void session.stop();
    this.#sessions.clear();
    for (const [event, listener] of Object.entries(this.#listeners))
      this.#client.off(event as never, listener as never);
  }

  /** The session of a room that has or had a call. */
  getActiveRoomSession(room: Room): MatrixRTCSession | undefined {
    return this.#sessions.get(room.roomId);
  }

  /** The session of a room: always the same object for a room. */
  getRoomSession(room: Room): MatrixRTCSession {
    const known = this.#sessions.get(room.roomId);
    if (known) return known;
    const session = new MatrixRTCSession(
      this.#client,
      room,
      this.#slotDescription,
      undefined,
      this.#keeper,
      this.#logger,
    );
    this.#sessions.set(room.roomId, session);
    return session;
  }

  /** The content of the slot of a room. Undefined if the room has none. */
  getRtcSlot(room: Room): RtcSlotEventContent | undefined {
    return this.getRoomSession(room).getRtcSlot();
  }

  /** Whether the slot of a room is closed. Undefined if the room has none. */
  isSlotClosed(room: Room): boolean | undefined {
    return this.getRoomSession(room).isSlotClosed();
  }

  #onMembershipsChanged(before: readonly CallMembership[], session: MatrixRTCSession): void {
    const { roomId } = session.room;
    if (this.#sessions.get(roomId) !== session) return;
    const wasActive = before.length > 0;
    const isActive = session.memberships.length > 0;
    if (!wasActive && isActive) this.emit("session_started", roomId, session);
    else if (wasActive && !isActive) this.emit("session_ended", roomId, session);
  }

  /** The room adds a sticky event to its own after the client has announced that it is decrypted. */
  #onDecrypted(event: MatrixEvent): void {
    void Promise.resolve().then(() => {
      if (this.#isRunning) this.#onEvent(event);
    });
  }

  #onEvent(event: MatrixEvent): void {
    if (!event.unstableStickyExpiresAt || event.getType() !== names.deployed.stickyMember) return;
    const room = this.#client.getRoom(event.getRoomId());
    if (room) this.#refresh(room);
  }

  #onState(event: MatrixEvent): void {
    const type = event.getType();
    if (type !== stateMemberType && type !== names.deployed.slot) return;
    const room = this.#client.getRoom(event.getRoomId());
    if (room) this.#refresh(room);
    else this.#log.error?.(`Got room state event for unknown room ${event.getRoomId()}!`);
  }

  #onMember({ roomId }: RoomMember): void {
    void this.#sessions.get(roomId)?.ensureRecalculateSessionMembers();
  }

  /** A session of a room without a call is made when somebody asks for it. */
  #refresh(room: Room): void {
    const isKnown = this.#sessions.has(room.roomId);
    if (!isKnown && this.#readMembers(room).length === 0) return;
    void this.getRoomSession(room).ensureRecalculateSessionMembers();
  }

  #readMembers(room: Room): CallMembership[] {
    return membersOf(room, this.#slotDescription);
  }
}

/** A quick look that excludes most rooms of a client. */
function mayHaveCall(room: Room): boolean {
  const { currentState } = room;
  return !currentState?.events || currentState.events.has(stateMemberType) || !isStoreEmpty(room);
}
