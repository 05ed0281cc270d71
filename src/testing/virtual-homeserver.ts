// VirtualHomeserver: users, devices and rooms in memory, for tests in virtual time and for examples in real time.
import type { Observable } from "rxjs";
import type { LivekitBackend } from "../livekit/backend.ts";
import type { Device, Matrix, RoomEvent, StickyEvent, ToDeviceMessage } from "../matrix.ts";
import type { JsonObject } from "../room/json.ts";
import type { Condition } from "./device-record.ts";
import type {
  DeviceFilter,
  Fault,
  Lateness,
  MessageFault,
  MessageFilter,
  RequestFilter,
  SyncFault,
  VirtualRequest,
} from "./faults.ts";
import type { RateLimit } from "./rate-limits.ts";
import {
  assertMayInvite,
  assertMayJoin,
  assertMayKnock,
  creatorOf,
  type JoinRule,
  type RoomOptions,
  setMembership,
  setUpRoom,
  upgradeRoom,
} from "./room-setup.ts";
import type { DelayedEventLimits, PendingEvent } from "./virtual-delayed-events.ts";
import { type Leftovers, type VirtualDevice, virtualDevice } from "./virtual-device.ts";
import type { ServerEvent } from "./virtual-room.ts";
import { VirtualServer } from "./virtual-server.ts";

/** How the virtual homeserver behaves. `reconfigure` changes it later. */
export interface VirtualHomeserverBehavior {
  /** How long a request travels to the server, and as long again its response. Default 20. */
  readonly latencyMs?: Lateness;
  /** The time from the first event of a sync response until the client has it. Events of this time share a batch. Default 20. */
  readonly syncMs?: Lateness;
  /**
   * `false`: the server has no delayed events. Default: delays of up to a day. Those that it holds already are sent in any
   * case.
   */
  readonly delayedEvents?: false | DelayedEventLimits;
  /** Whether the server accepts sticky events. Default true. */
  readonly stickyEvents?: boolean;
  /** How many requests of each user it accepts. Default `false`: all. */
  readonly rateLimit?: false | RateLimit;
  /** How far the clock of the server is ahead; behind if negative. Default 0. */
  readonly clockAheadMs?: number;
}

/** How to make a virtual homeserver. */
export interface VirtualHomeserverOptions extends VirtualHomeserverBehavior {
  /** Decides about all that is drawn by chance: the same seed gives the same run. Default 1. */
  readonly seed?: number;
  /**
   * In virtual time, a test fails after this many requests, because a join that nobody ends would go on forever. Default
   * 20,000: one member that does nothing for a day.
   */
  readonly requestLimit?: number;
  /** How many requests, and how many events of each room, are kept at least. Older ones may be forgotten. Default 10,000. */
  readonly logLimit?: number;
}

/** A raw state event, as if it came over federation. */
export interface RawState extends Pick<RoomEvent, "type" | "sender" | "content" | "requiredPowerLevel"> {
  readonly stateKey: string;
  readonly eventId?: string;
  readonly originServerTs?: number;
}

/** A raw event of the timeline, in cleartext. */
export interface RawEvent extends Pick<RoomEvent, "type" | "sender" | "content"> {
  readonly eventId?: string;
  readonly originServerTs?: number;
}

/** A raw sticky event. Defaults: `durationMs` an hour, `encryption` `cleartext`. */
export interface RawSticky
  extends Pick<RoomEvent, "type" | "sender" | "content">,
    Partial<Pick<StickyEvent, "durationMs" | "ttlMs" | "encryption" | "senderDeviceId">> {
  readonly eventId?: string;
  readonly originServerTs?: number;
}

/**
 * A homeserver in memory. It behaves like real homeservers in everything that MatrixRTC depends on.
 *
 * Its only clock is that of RxJS: virtual time within `TestScheduler.run`, real time elsewhere. Clients learn about all
 * changes, also about their own events, by their next sync.
 *
 * @example
 * ```ts
 * import { MatrixError } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 * import { map } from "rxjs";
 * import { TestScheduler } from "rxjs/testing";
 *
 * const equal = (actual: unknown, expected: unknown) =>
 *   console.assert(JSON.stringify(actual) === JSON.stringify(expected));
 * new TestScheduler(equal).run(({ expectObservable }) => {
 *   const home = virtualHomeserver({ latencyMs: 2, syncMs: 3 });
 *   const roomId = home.createRoom({ members: ["@alice:example.org"] });
 *   const alice = home.client("@alice:example.org", "PHONE");
 *   const leave = { roomId, type: "org.matrix.msc3401.call.member", stateKey: "_@alice:example.org", content: {} };
 *
 *   home.injectFault({ request: "send", userId: alice.userId }, { lose: "response", fail: new MatrixError("network", "lost") });
 *   expectObservable(alice.send(leave)).toBe("                ----#", undefined, new MatrixError("network", "lost"));
 *   expectObservable(alice.changes$.pipe(map(() => 1)), "^------!").toBe("-----n", { n: 1 });
 * });
 * ```
 */
export interface VirtualHomeserver {
  /** Makes a room and returns its id. Existing clients know it after their next sync, later ones at once. */
  createRoom(options: RoomOptions): string;
  /** A device, the same at each call. The first call logs it in and syncs it. */
  device(userId: string, deviceId: string): VirtualDevice;
  /** The port of a device: `device(userId, deviceId).matrix`. */
  client(userId: string, deviceId: string): Matrix & LivekitBackend;

  /** @throws MatrixError `forbidden` if the user is banned, or not invited to a room that is not public. */
  joinRoom(roomId: string, userId: string): void;
  /** Asks for an invitation. @throws MatrixError `forbidden` unless the join rule is `knock`. */
  knock(roomId: string, userId: string): void;
  leaveRoom(roomId: string, userId: string): void;
  /** @throws MatrixError `forbidden` if the user is banned, or in the room already. */
  invite(roomId: string, userId: string): void;
  kick(roomId: string, userId: string): void;
  ban(roomId: string, userId: string): void;
  unban(roomId: string, userId: string): void;
  setJoinRule(roomId: string, joinRule: JoinRule): void;
  /** Replaces a room by another one with the same rules, in which only its creator is. Returns the id of the new room. */
  upgradeRoom(roomId: string, version?: string): string;

  /** Adds state to a room without checking permissions, and returns the event id. */
  setState(roomId: string, event: RawState): string;
  /**
   * Adds a sticky event to a room without checking permissions, and returns the event id. A `decrypted` event is
   * `undecryptable` for users who enter the room later.
   */
  sendSticky(roomId: string, event: RawSticky): string;
  /** Adds an event to the timeline of a room without checking permissions, and returns the event id. */
  sendEvent(roomId: string, event: RawEvent): string;
  /** Redacts an event in the name of the creator of the room. */
  redact(roomId: string, eventId: string): void;
  /** Sends the content of an `m.presence` event to everybody who shares a room with a user. */
  setPresence(userId: string, content: JsonObject): void;
  /** Delivers a to-device message to a device, with `message.proof` as its proof. */
  deliver(to: Device, message: ToDeviceMessage): void;

  /** All events of a room on the server, oldest first. */
  events(roomId: string): readonly ServerEvent[];
  /** The current state of a room on the server. */
  state(roomId: string): readonly ServerEvent[];
  /** The current state event of a room on the server at one place. */
  stateEvent(roomId: string, type: string, stateKey?: string): ServerEvent | undefined;
  /** The delayed events that are scheduled now. */
  delayed(): readonly PendingEvent[];
  /** Every event at the instant when the server accepts it. */
  readonly event$: Observable<ServerEvent>;
  /** The requests that clients made, oldest first. */
  readonly requests: readonly VirtualRequest[];
  /** The number of all requests, also of those that are not kept. */
  readonly requestCount: number;
  /** Every request at the instant when it leaves a client. */
  readonly request$: Observable<VirtualRequest>;

  /** Makes requests that fit go wrong, by default the next one. The returned function undoes what is left. */
  injectFault(filter: RequestFilter, fault: Fault): () => void;
  /** Makes sync responses of devices that fit go wrong. The returned function undoes what is left. */
  injectSyncFault(filter: DeviceFilter, fault: SyncFault): () => void;
  /** Makes to-device messages that fit go wrong after the server has acknowledged them. The returned function undoes what is left. */
  injectMessageFault(filter: MessageFilter, fault: MessageFault): () => void;
  /** Changes the condition of a device. */
  adjust(device: Device, condition: Partial<Condition>): void;
  /** The client of a device does not know the room membership of a user any more, as after a gappy sync. */
  forgetMember(device: Device, roomId: string, userId: string): void;
  /** The server deletes the delayed events of a user without sending them. */
  loseDelayed(userId: string): void;
  /** Restarts, sends or cancels a delayed event, as somebody who knows its id: an SFU to which it was delegated. @throws MatrixError */
  updateDelayedEvent(delayId: string, action: "restart" | "send" | "cancel"): void;
  /** Changes how the server behaves from now on. */
  reconfigure(change: VirtualHomeserverBehavior): void;
  /** The server answers nothing, syncs nothing and sends no delayed event until `start`. */
  stop(): void;
  /** Sends at once the delayed events that were due since `stop`, and syncs the clients. */
  start(): void;
  /** Stops the server, and starts it again after a while. */
  restart(downMs: number): void;
  /** What all devices have left together: all numbers are 0 after a clean end. */
  leftovers(): Leftovers;
}

/**
 * Makes a virtual homeserver.
 *
 * @example
 * ```ts
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver({ latencyMs: 5 });
 * const roomId = home.createRoom({ encrypted: true, members: ["@alice:example.org", "@bob:example.org"] });
 * const alice = home.client("@alice:example.org", "PHONE");
 * console.assert(alice.hasRoom(roomId));
 * ```
 */
export function virtualHomeserver(options: VirtualHomeserverOptions = {}): VirtualHomeserver {
  const { latencyMs = 20, syncMs = 20, delayedEvents = { maxDelayMs: 86_400_000 }, stickyEvents = true } = options;
  const { rateLimit = false, clockAheadMs = 0, requestLimit = 20_000, logLimit = 10_000, seed = 1 } = options;
  const behavior = { latencyMs, syncMs, delayedEvents, stickyEvents, rateLimit, clockAheadMs };
  const server = new VirtualServer({ ...behavior, requestLimit, logLimit }, seed);
  const { rooms } = server;
  const devices = new Map<string, VirtualDevice>();

  const deviceOf = (userId: string, deviceId: string): VirtualDevice => {
    const key = JSON.stringify([userId, deviceId]);
    const device = devices.get(key) ?? virtualDevice(server, userId, deviceId);
    devices.set(key, device);
    return device;
  };
  const setTo = (membership: string, bySelf: boolean) => (roomId: string, userId: string) => {
    const sender = bySelf ? userId : creatorOf(rooms.get(roomId));
    setMembership(rooms, roomId, { sender, userId, membership });
  };
  const setJoined = setTo("join", true);
  const setInvited = setTo("invite", false);
  const setKnocked = setTo("knock", true);

  return {
    createRoom: (room) => setUpRoom(rooms, room),
    device: deviceOf,
    client: (userId, deviceId) => deviceOf(userId, deviceId).matrix,

    joinRoom(roomId, userId) {
      assertMayJoin(rooms.get(roomId), userId);
      setJoined(roomId, userId);
    },
    knock(roomId, userId) {
      assertMayKnock(rooms.get(roomId), userId);
      setKnocked(roomId, userId);
    },
    leaveRoom: setTo("leave", true),
    invite(roomId, userId) {
      assertMayInvite(rooms.get(roomId), userId);
      setInvited(roomId, userId);
    },
    kick: setTo("leave", false),
    ban: setTo("ban", false),
    unban: setTo("leave", false),
    setJoinRule(roomId, joinRule) {
      const sender = creatorOf(rooms.get(roomId));
      rooms.add(roomId, { type: "m.room.join_rules", sender, stateKey: "", content: { join_rule: joinRule } });
    },
    upgradeRoom: (roomId, version = "12") => upgradeRoom(rooms, roomId, version),

    setState: (roomId, event) => rooms.add(roomId, event),
    sendSticky(roomId, { durationMs = 3_600_000, ttlMs, encryption = "cleartext", senderDeviceId, ...draft }) {
      return rooms.addSticky(roomId, draft, {
        durationMs,
        encryption,
        ...(ttlMs !== undefined && { ttlMs }),
        ...(senderDeviceId !== undefined && { senderDeviceId }),
      });
    },
    sendEvent: (roomId, event) => rooms.add(roomId, event),
    redact: (roomId, eventId) => void rooms.redact(roomId, eventId, creatorOf(rooms.get(roomId))),
    setPresence: (userId, content) => server.ephemeral.setPresence(userId, content),
    deliver: (to, message) => server.deliver(to, message),

    events: (roomId) => rooms.get(roomId).events,
    state: (roomId) => rooms.get(roomId).state,
    stateEvent: (roomId, type, stateKey = "") => rooms.get(roomId).stateEvent(type, stateKey),
    delayed: () => server.delayed.pending,
    event$: rooms.event$.asObservable(),
    get requests() {
      return server.log.newest;
    },
    get requestCount() {
      return server.log.count;
    },
    request$: server.request$.asObservable(),

    injectFault: (filter, fault) => server.faults.arm(filter, fault),
    injectSyncFault: (filter, fault) => server.syncFaults.arm(filter, fault),
    injectMessageFault: (filter, fault) => server.messageFaults.arm(filter, fault),
    adjust: (device, condition) => server.device(device).adjust(condition),
    forgetMember: (device, roomId, userId) => server.device(device).synced.forgetMember(roomId, userId),
    loseDelayed: (userId) => server.delayed.lose(userId),
    updateDelayedEvent: (delayId, action) => server.updateDelayedEvent(delayId, action),
    reconfigure: (change) => server.reconfigure(change),
    stop: () => server.stop(),
    start: () => server.start(),
    restart(downMs) {
      server.stop();
      server.agenda.in(downMs, () => server.start());
    },
    leftovers() {
      const sum = (name: keyof Leftovers) =>
        [...devices.values()].reduce((total, device) => total + device.leftovers()[name], 0);
      const [timers, listeners, subscriptions] = [sum("timers"), sum("listeners"), sum("subscriptions")];
      return { timers, listeners, subscriptions, requests: sum("requests"), delayedEvents: sum("delayedEvents") };
    },
  };
}
