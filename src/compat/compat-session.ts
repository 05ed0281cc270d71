// MatrixRTCSession: one call in one room, with the names of matrix-js-sdk 43, over our session. protocol.md 9.1.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler, Subscription } from "rxjs";
import { names, stateMemberType } from "../room/names.ts";
import { at } from "../rx/at.ts";
import { encryptedSession, type EncryptedSession } from "../encryption/encrypted-session.ts";
import type { EncryptionKey } from "../types.ts";
import { CallMembership } from "./call-membership.ts";
import { notificationContent, sendNotification } from "./call-notification.ts";
import { childLog, type CompatLog, type LoggerSubset } from "./compat-log.ts";
import { CompatPort } from "./compat-port.ts";
import { isDeepEqual } from "./deep-equal.ts";
import { Emitter } from "./emitter.ts";
import { keysOf } from "./join-config.ts";
import { memberEventsOf, membersOf, type ReadableRoom } from "./member-events.ts";
import { MembershipManager, StickyEventMembershipManager } from "./membership-manager.ts";
import type {
  CallMembershipIdentityParts,
  ClientSubset,
  JoinSessionConfig,
  LimitedEvent,
  RoomSubset,
  RTCCallIntent,
  RTCNotificationType,
  RtcSlotEncryptionContent,
  RtcSlotEventContent,
  SessionMembershipsForSlotOpts,
  SlotDescription,
  Statistics,
  Status,
  Transport,
} from "./original-types.ts";
import type { MatrixRTCSessionEventHandlerMap, MembershipManagerEventHandlerMap } from "./rtc-events.ts";
import { emptyStatistics } from "./rtc-statistics.ts";
import {
  computeSlotId,
  getSlotEventContent,
  isSlotClosed,
  isSlotOpen,
  roomCall,
  slotToJoin,
} from "./slot-description.ts";

/** A manager that listens for all its sessions. */
export interface SessionKeeper {
  onMembershipsChanged(before: readonly CallMembership[], session: MatrixRTCSession): void;
}

/**
 * One call in one room, with the names of matrix-js-sdk. `rtc` is the session of streams beneath it.
 *
 * @example
 * ```ts
 * import type { MatrixClient, Room } from "matrix-js-sdk";
 * import { MatrixRTCSession, MatrixRTCSessionEvent } from "matrixrtc-rx/compat";
 *
 * function follow(client: MatrixClient, room: Room): MatrixRTCSession {
 *   const session = MatrixRTCSession.sessionForSlot(client, room, { application: "m.call", id: "ROOM" });
 *   session.on(MatrixRTCSessionEvent.MembershipsChanged, (_, members) => console.log(members.length));
 *   session.joinRoomSession([{ type: "livekit", livekit_service_url: "https://sfu.example.org" }]);
 *   session.rtc.encryptionStatus$.subscribe((statuses) => console.log(statuses.size));
 *   return session;
 * }
 * console.assert(typeof follow === "function");
 * ```
 */
export class MatrixRTCSession extends Emitter<MatrixRTCSessionEventHandlerMap & MembershipManagerEventHandlerMap> {
  /** The members of the call, oldest first. */
  memberships: CallMembership[] = [];
  /** Resolves when the first members are known, which is at once. */
  readonly initialMembershipCalculated: Promise<void>;
  /** Counts of messages with media keys. */
  statistics: Statistics = emptyStatistics();
  /** Where the call happens. */
  readonly slotDescription: SlotDescription;
  protected membershipManager: MembershipManager | undefined;

  readonly #client: ClientSubset;
  readonly #room: RoomSubset;
  readonly #options: SessionMembershipsForSlotOpts | undefined;
  readonly #keeper: SessionKeeper | undefined;
  readonly #log: CompatLog;
  /** The members that listeners know of. */
  #announced: CallMembership[] = [];
  #expiry: Subscription | undefined;
  #keys = new Subscription();
  #port: CompatPort | undefined;
  #rtc: EncryptedSession | undefined;
  #joinConfig: JoinSessionConfig | undefined;
  #identity: CallMembershipIdentityParts | undefined;
  #wasSuppressed = false;
  /** What our membership emits while the leave begins: apps hear first that they are not joined. */
  #held: (() => void)[] | undefined;
  /** What to send if our membership is the first. */
  #pendingNotification: RTCNotificationType | undefined;

  /** The members of a room's call. */
  static callMembershipsForRoom(room: ReadableRoom): CallMembership[] {
    return membersOf(room, roomCall);
  }

  /** The members of a call. */
  static sessionMembershipsForRoom(room: ReadableRoom, slotDescription: SlotDescription = roomCall): CallMembership[] {
    return membersOf(room, slotDescription);
  }

  /** The members of a call, oldest first. */
  static async sessionMembershipsForSlot(
    room: ReadableRoom,
    slotDescription: SlotDescription,
    options?: SessionMembershipsForSlotOpts,
  ): Promise<CallMembership[]> {
    return membersOf(room, slotDescription, options, childLog(undefined, logPrefix(room, slotDescription)));
  }

  /** The session of a room's call. */
  static roomSessionForRoom(client: MatrixClient | ClientSubset, room: Room | RoomSubset): MatrixRTCSession {
    return new MatrixRTCSession(client, room, roomCall);
  }

  /** The name of `sessionForSlot` until 2025. */
  static sessionForRoom(
    client: MatrixClient | ClientSubset,
    room: Room | RoomSubset,
    slotDescription: SlotDescription,
  ): MatrixRTCSession {
    return new MatrixRTCSession(client, room, slotDescription);
  }

  /** The session of a slot in a room. */
  static sessionForSlot(
    client: MatrixClient | ClientSubset,
    room: Room | RoomSubset,
    slotDescription: SlotDescription,
    options?: SessionMembershipsForSlotOpts,
  ): MatrixRTCSession {
    return new MatrixRTCSession(client, room, slotDescription, options);
  }

  /** @param keeper The manager that listens for this session. Without it the session listens to its room. */
  constructor(
    client: MatrixClient | ClientSubset,
    room: Room | RoomSubset,
    slotDescription: SlotDescription,
    options?: SessionMembershipsForSlotOpts,
    keeper?: SessionKeeper,
    parentLogger?: LoggerSubset,
  ) {
    super();
    this.#client = client;
    this.#room = room;
    this.slotDescription = slotDescription;
    this.#options = options;
    this.#keeper = keeper;
    this.#log = childLog(parentLogger, logPrefix(room, slotDescription));
    if (!keeper) {
      room.on?.("RoomState.members" as never, this.#onRoomMembers as never);
      room.on?.("RoomState.events" as never, this.#onRoomState as never);
      room.on?.("RoomStickyEvents.Update" as never, this.#onStickyEvents as never);
    }
    this.memberships = this.#readMembers();
    // Listeners are added after this.
    this.initialMembershipCalculated = Promise.resolve().then(() => this.#announce());
  }

  /** The session of streams beneath this one. */
  get rtc(): EncryptedSession {
    if (this.#rtc) return this.#rtc;
    const port = this.#portOf();
    this.#rtc = encryptedSession(port.matrix, { roomId: this.#room.roomId, slot: slotToJoin(this.slotDescription) });
    return this.#rtc;
  }

  /** The room. */
  get room(): Room {
    return this.#room as Room;
  }

  /** The id of the slot within its application. */
  get callId(): string | undefined {
    return this.slotDescription.id;
  }

  /** The slot id. */
  get slotId(): string | undefined {
    return computeSlotId(this.slotDescription);
  }

  /** The status of our membership. Undefined before the first join. */
  get membershipStatus(): Status | undefined {
    return this.membershipManager?.status;
  }

  /** Whether the server has probably sent our leave. Undefined before the first join. */
  get probablyLeft(): boolean | undefined {
    return this.membershipManager?.probablyLeft;
  }

  /** The id of our delayed leave. A secret. */
  get delayId(): string | undefined {
    return this.membershipManager?.delayId;
  }

  /** Whether the call has too many members for a new key. */
  get isKeyRotationSuppressed(): boolean {
    const { manageMediaKeys = true, keyRotationParticipantLimit } = this.#joinConfig ?? {};
    if (!this.membershipManager || !manageMediaKeys || keyRotationParticipantLimit === undefined) return false;
    return this.memberships.length >= keyRotationParticipantLimit;
  }

  /** Whether we want to be in the call. True directly after a join. */
  isJoined(): boolean {
    return this.membershipManager?.isJoined() ?? false;
  }

  /**
   * Joins as a member with these ids. The first request leaves within this call.
   *
   * @param fociPreferred Transports that we know.
   * @param multiSfuFocus The transport that we publish on. Without it, that of the oldest member. In the form of 2024, with
   *   `focus_selection`, it says how to select one.
   * @throws Error if the client has no user id or no device id.
   */
  joinRTCSession(
    ownMembershipIdentity: CallMembershipIdentityParts,
    fociPreferred: Transport[],
    multiSfuFocus?: Transport,
    joinConfig?: JoinSessionConfig,
  ): void {
    if (this.isJoined()) {
      this.#log.info?.(`Already joined to session in room ${this.#room.roomId}: ignoring join call`);
      return;
    }
    const manager = this.#newManager(ownMembershipIdentity, joinConfig);
    this.membershipManager = manager;
    this.#identity = ownMembershipIdentity;
    this.#joinConfig = joinConfig;
    this.#pendingNotification = joinConfig?.notificationType;
    manager.join(fociPreferred, multiSfuFocus, (error) => {
      this.#keys.unsubscribe();
      this.emit("membership_manager_error", error);
      this.emit("join_state_changed", this.isJoined());
    });
    this.#followKeys();
    this.emit("join_state_changed", true);
  }

  /** Joins as a member named after its user and device. */
  joinRoomSession(fociPreferred: Transport[], multiSfuFocus?: Transport, joinConfig?: JoinSessionConfig): void {
    const [userId, deviceId] = [this.#client.getUserId()!, this.#client.getDeviceId()!];
    const memberId = `${userId}:${deviceId}`;
    this.joinRTCSession({ userId, deviceId, memberId }, fociPreferred, multiSfuFocus, joinConfig);
  }

  /**
   * Leaves.
   *
   * @param timeout How long to wait at most, in milliseconds.
   * @returns Whether we are out of the call now: also true if we had not joined. False if it took longer than `timeout`.
   */
  async leaveRoomSession(timeout?: number): Promise<boolean> {
    const manager = this.membershipManager;
    if (!manager || !this.isJoined()) {
      this.#log.info?.(`Not joined to session in room ${this.#room.roomId}: ignoring leave call`);
      return true;
    }
    this.#keys.unsubscribe();
    const held: (() => void)[] = (this.#held = []);
    const leaving = manager.leave(timeout);
    this.#held = undefined;
    this.emit("join_state_changed", false);
    for (const emit of held) emit();
    return leaving;
  }

  /** Leaves, and stops to listen. */
  async stop(): Promise<void> {
    this.#expiry?.unsubscribe();
    this.#room.off?.("RoomState.members" as never, this.#onRoomMembers as never);
    this.#room.off?.("RoomState.events" as never, this.#onRoomState as never);
    this.#room.off?.("RoomStickyEvents.Update" as never, this.#onStickyEvents as never);
    this.#keys.unsubscribe();
    await this.membershipManager?.leave(1_000);
    this.#expiry?.unsubscribe();
  }

  /** The oldest member. */
  getOldestMembership(): CallMembership | undefined {
    return this.memberships[0];
  }

  /** The transport of the oldest member. */
  getFocusInUse(): Transport | undefined {
    const oldest = this.getOldestMembership();
    return oldest?.getTransport(oldest);
  }

  /** The name of `getFocusInUse` until 2025. */
  getActiveFocus(): Transport | undefined {
    return this.getFocusInUse();
  }

  /** The transport that a member publishes on. */
  resolveActiveFocus(member?: CallMembership): Transport | undefined {
    const oldest = this.getOldestMembership();
    return oldest && (member ?? oldest).getTransport(oldest);
  }

  /** The intended kind of call, if all members that name one agree. */
  getConsensusCallIntent(): RTCCallIntent | undefined {
    const intents = new Set(this.memberships.flatMap(({ callIntent }) => callIntent || []));
    return intents.size === 1 ? [...intents][0] : undefined;
  }

  /**
   * Changes the intent of our membership.
   *
   * @throws Error before we are a member.
   */
  async updateCallIntent(callIntent: RTCCallIntent): Promise<void> {
    await this.#connected().updateCallIntent(callIntent);
  }

  /**
   * Replaces the data of the application in our membership.
   *
   * @throws Error before we are a member.
   */
  async updateApplicationData(applicationData: Record<string, unknown>): Promise<void> {
    await this.#connected().updateApplicationData(applicationData);
  }

  /** The media keys of each participant, by `user:device`: each at its index. Secrets. */
  getEncryptionKeys(): IterableIterator<[string, Uint8Array<ArrayBuffer>[]]> {
    const keys = new Map<string, Uint8Array<ArrayBuffer>[]>();
    for (const { userId, deviceId, keyIndex, key } of this.#rtc?.keys$.value ?? []) {
      const id = `${userId}:${deviceId}`;
      const ofOne = keys.get(id) ?? [];
      keys.set(id, ofOne);
      ofOne[keyIndex] = key;
    }
    return keys.entries();
  }

  /** The media keys of a participant, each at its index. Secrets. Undefined if there is none. */
  getKeysForParticipant(userId: string, deviceId: string): Uint8Array<ArrayBuffer>[] | undefined {
    for (const [id, keys] of this.getEncryptionKeys()) if (id === `${userId}:${deviceId}`) return keys;
    return undefined;
  }

  /** Emits each known media key once more. */
  reemitEncryptionKeys(): void {
    for (const key of this.#rtc?.keys$.value ?? []) this.#emitKey(key);
  }

  /** Takes a timeline event with media keys, of a client older than 2026. Keys of a real client arrive without this. */
  onCallEncryption(event: LimitedEvent): void {
    this.#portOf().takeKeyEvent(event);
  }

  /** Reads the members again. */
  onMembershipsUpdate(): void {
    this.#recalculate();
  }

  /** Reads the members again. */
  onRTCSessionMemberUpdate(): void {
    this.#recalculate();
  }

  /** Reads the members again. */
  _onRTCSessionMemberUpdate = async (): Promise<void> => {
    this.#recalculate();
  };

  /** Reads the members again, at once. */
  ensureRecalculateSessionMembers(): Promise<void> {
    this.#recalculate();
    return Promise.resolve();
  }

  /** The content of our slot. Undefined if the room has none. */
  getRtcSlot(): RtcSlotEventContent | undefined {
    return getSlotEventContent(this.#room, this.slotDescription);
  }

  /** Whether our slot is closed. Undefined if the room has none. */
  isSlotClosed(): boolean | undefined {
    return isSlotClosed(this.#room, this.slotDescription);
  }

  /** Whether our slot is open. Undefined if the room has none. */
  isSlotOpen(): boolean | undefined {
    return isSlotOpen(this.#room, this.slotDescription);
  }

  /** Opens our slot, if it is not open already in this way. Other fields of its content stay. */
  async ensureRtcSlotOpen({ encryption }: { encryption?: RtcSlotEncryptionContent } = {}): Promise<void> {
    const application = { type: this.slotDescription.application };
    const before = this.getRtcSlot();
    const isSame = isDeepEqual(before?.application, application) && isDeepEqual(before?.encryption, encryption);
    if (before?.status === "open" && isSame) return;
    await this.#sendSlot({ ...before, status: "open", application, encryption });
  }

  /** Closes our slot, if there is one. Other fields of its content stay. */
  async ensureRtcSlotClosed(): Promise<void> {
    const before = this.getRtcSlot();
    if (before && before.status !== "closed") await this.#sendSlot({ ...before, status: "closed" });
  }

  async #sendSlot(content: object): Promise<void> {
    const { roomId } = this.#room;
    await this.#client.sendStateEvent(roomId, names.deployed.slot as never, content as never, this.slotId);
  }

  #portOf(): CompatPort {
    this.#port ??= new CompatPort({
      client: this.#client,
      room: this.#room,
      memberEvents: () => memberEventsOf(this.#room, this.slotDescription, this.#options),
      statistics: this.statistics,
    });
    return this.#port;
  }

  #newManager(identity: CallMembershipIdentityParts, joinConfig: JoinSessionConfig | undefined): MembershipManager {
    const { rtc } = this;
    const keys = keysOf(joinConfig ?? {});
    const call = { port: this.#portOf(), join: (options: object) => rtc.join({ ...options, keys }) };
    const common = [joinConfig, this.#room, this.#client, this.slotDescription] as const;
    const manager = joinConfig?.unstableSendStickyEvents
      ? new StickyEventMembershipManager(...common, identity.memberId, this.#log, call)
      : new MembershipManager(...common, this.#log, call);
    for (const event of ["StatusChanged", "ProbablyLeft", "DelayIdChanged"] as const)
      manager.on(event, (...args: unknown[]) => {
        const emit = () => void this.emit(event, ...([...args, manager] as never));
        if (this.#held) this.#held.push(emit);
        else emit();
      });
    return manager;
  }

  #connected(): MembershipManager {
    if (!this.membershipManager?.ownMembership) throw new Error("Not connected yet");
    return this.membershipManager;
  }

  /** Emits our keys from the next turn on: apps add their listeners after they have joined. */
  #followKeys(): void {
    const following = (this.#keys = new Subscription());
    const { rtc, statistics } = this;
    following.add(
      rtc.statistics$.subscribe(({ received, receivedTotalAgeMs }) => {
        statistics.counters.roomEventEncryptionKeysReceived = received;
        statistics.totals.roomEventEncryptionKeysReceivedTotalAge = receivedTotalAgeMs;
      }),
    );
    void Promise.resolve().then(() => {
      if (!following.closed) following.add(rtc.encryptionKey$.subscribe((key) => this.#emitKey(key)));
    });
  }

  #emitKey({ key, keyIndex, own, participantIdentity, userId, deviceId, memberId }: EncryptionKey): void {
    const membership = own && this.#identity ? this.#identity : { userId, deviceId, memberId };
    this.emit("encryption_key_changed", key, keyIndex, membership, participantIdentity);
  }

  #readMembers(): CallMembership[] {
    const members = membersOf(this.#room, this.slotDescription, this.#options, this.#log);
    this.#expiry?.unsubscribe();
    this.#expiry = at(nextEndTs(members, asyncScheduler.now())).subscribe(() => this.#recalculate());
    return members;
  }

  #recalculate(): void {
    this.memberships = this.#readMembers();
    this.#announce();
  }

  /** Emits the members if they differ from those that listeners know. */
  #announce(): void {
    const before = this.#announced;
    const { memberships, membershipManager } = this;
    this.#announced = memberships;
    const isSame =
      before.length === memberships.length && before.every((m, i) => CallMembership.equal(m, memberships[i]));
    if (!isSame) {
      this.emit("memberships_changed", before, memberships);
      void membershipManager?.onRTCSessionMemberUpdate(memberships);
      this.#notify(before);
    }
    this.#port?.changed();
    const isSuppressed = this.isKeyRotationSuppressed;
    if (isSuppressed !== this.#wasSuppressed) this.emit("key_rotation_suppressed_changed", isSuppressed);
    this.#wasSuppressed = isSuppressed;
    if (!isSame) this.#keeper?.onMembershipsChanged(before, this);
  }

  /** Sends a notification if we have started the call. Once somebody is in the call, it is too late for that. */
  #notify(before: readonly CallMembership[]): void {
    const own = this.membershipManager?.ownMembership;
    const type = this.#pendingNotification;
    if (type && own && before.length === 0) void this.#sendNotification(own, type);
    if (this.memberships.length > 0) this.#pendingNotification = undefined;
  }

  async #sendNotification(own: CallMembership, type: RTCNotificationType): Promise<void> {
    const lifetimeMs = this.#joinConfig?.notificationLifetimeMs ?? 90_000;
    const content = notificationContent(own, computeSlotId(this.slotDescription), type, lifetimeMs);
    try {
      const response = await sendNotification(this.#client, this.#room.roomId, content);
      this.emit("did_send_call_notification", { ...response, ...content });
    } catch (error) {
      this.#log.error?.("Failed to send call notification", error);
    }
  }

  readonly #onRoomMembers = (): void => this.#recalculate();

  readonly #onRoomState = (event: MatrixEvent): void => {
    const type = event.getType();
    const isOurSlot = type === names.deployed.slot && event.getStateKey() === this.slotId;
    if (isOurSlot || type === stateMemberType) this.#recalculate();
  };

  readonly #onStickyEvents = (
    added: readonly MatrixEvent[],
    updated: readonly { current: MatrixEvent; previous: MatrixEvent }[],
    removed: readonly MatrixEvent[],
  ): void => {
    const events = [...added, ...removed, ...updated.flatMap(({ current, previous }) => [current, previous])];
    if (events.some((event) => event.getType() === names.deployed.stickyMember)) this.#recalculate();
  };
}

/** After the end of a sticky event, its client may need this time to forget it. */
const forgettingMs = 1_000;

/** When the next member ends by itself. */
function nextEndTs(members: readonly CallMembership[], now: number): number {
  let next = Infinity;
  for (const member of members) {
    const { unstableStickyExpiresAt: stickyUntilTs } = member.matrixEvent as Partial<MatrixEvent>;
    const endTs = member.getAbsoluteExpiry() ?? Math.max(stickyUntilTs ?? Infinity, now + forgettingMs);
    next = Math.min(next, endTs);
  }
  return next;
}

const logPrefix = ({ roomId }: Pick<RoomSubset, "roomId">, slotDescription: SlotDescription): string =>
  `[MatrixRTCSession ${roomId} ${computeSlotId(slotDescription)}]`;
