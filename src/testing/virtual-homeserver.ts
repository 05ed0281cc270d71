// VirtualHomeserver: users, devices and rooms in memory, for tests in virtual time and for examples in real time.
import { type MonoTypeOperatorFunction, type Observable, takeUntil } from "rxjs";
import type { LivekitBackend } from "../livekit/backend.ts";
import type { Device, Matrix, RoomEvent, StickyEvent, ToDeviceMessage } from "../matrix.ts";
import { RtcError } from "../errors.ts";
import { isObject, type JsonObject } from "../room/json.ts";
import { virtualClient } from "./virtual-client.ts";
import type { PendingEvent } from "./virtual-delayed-events.ts";
import type { Fault, RequestFilter, VirtualRequest } from "./faults.ts";
import type { Condition } from "./virtual-device.ts";
import type { ServerEvent } from "./virtual-room.ts";
import { VirtualServer } from "./virtual-server.ts";

/** How the virtual homeserver behaves. */
export interface VirtualHomeserverOptions {
  /** How long a request travels to the server. Its response takes the same time. Default 20. */
  readonly latencyMs?: number;
  /** The time from the first event of a sync response until the client has it. Events of this time share a batch. Default 20. */
  readonly syncMs?: number;
  /** `false`: the server has no delayed events. Default: delays of up to a day. */
  readonly delayedEvents?: false | { readonly maxDelayMs?: number };
  /** Whether the server accepts sticky events. Default true. */
  readonly stickyEvents?: boolean;
  /**
   * In virtual time, a test fails after this many requests, because a join that nobody ends would go on forever. Default
   * 20,000: one member that does nothing for a day.
   */
  readonly requestLimit?: number;
}

/** How to make a room. */
export interface RoomOptions {
  /** The users in the room. The first one created it and has power level 100. */
  readonly members: readonly string[];
  readonly encrypted?: boolean;
  /** Changes to the content of `m.room.power_levels`. By default all members may send call memberships. */
  readonly powerLevels?: JsonObject;
  /** Default "11". With "org.matrix.msc3757.11", users own the state keys that begin with their id. */
  readonly version?: string;
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
  /** The port of a device. The first call logs the device in and syncs it. */
  client(userId: string, deviceId: string): Matrix & LivekitBackend;

  joinRoom(roomId: string, userId: string): void;
  leaveRoom(roomId: string, userId: string): void;
  invite(roomId: string, userId: string): void;
  kick(roomId: string, userId: string): void;
  ban(roomId: string, userId: string): void;

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
  /** The delayed events that are scheduled now. */
  delayed(): readonly PendingEvent[];
  /** Every event at the instant when the server accepts it. */
  readonly event$: Observable<ServerEvent>;
  /** Every request that clients made, oldest first. */
  readonly requests: readonly VirtualRequest[];
  /** Every request at the instant when it leaves a client. */
  readonly request$: Observable<VirtualRequest>;

  /** Makes the next matching request go wrong, or the next `times` requests. The returned function undoes what is left. */
  injectFault(filter: RequestFilter, fault: Fault): () => void;
  /** Changes the condition of a device. */
  adjust(device: Device, condition: Partial<Condition>): void;
  /**
   * Stops a device like a crashed page: it sends and gets nothing more. A join of it with `leaveOn` would fail with
   * `leave-timeout`, so put `whileAlive` behind the join. `adjust` to `online` is a new page of the same device.
   */
  kill(device: Device): void;
  /** Completes a stream when a device is killed. */
  whileAlive<T>(device: Device): MonoTypeOperatorFunction<T>;
  /** The client of a device does not know the room membership of a user any more, as after a gappy sync. */
  forgetMember(device: Device, roomId: string, userId: string): void;
  /** The server deletes the delayed events of a user without sending them. */
  loseDelayed(userId: string): void;
  /** The server answers nothing, syncs nothing and sends no delayed event until `start`. */
  stop(): void;
  /** Sends at once the delayed events that were due since `stop`, and syncs the clients. */
  start(): void;
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
  const { latencyMs = 20, syncMs = 20, delayedEvents = { maxDelayMs: 86_400_000 } } = options;
  const { stickyEvents = true, requestLimit = 20_000 } = options;
  const server = new VirtualServer({ latencyMs, syncMs, delayedEvents, stickyEvents, requestLimit });

  const creatorOf = (roomId: string) => server.rooms.get(roomId).stateEvent("m.room.create", "")?.sender ?? "";
  const setMembership = (roomId: string, sender: string, stateKey: string, membership: string) =>
    void server.rooms.add(roomId, { type: "m.room.member", sender, stateKey, content: { membership } });

  return {
    createRoom({ members, encrypted = false, powerLevels = {}, version = "11" }) {
      const [creator] = members;
      if (creator === undefined)
        throw new RtcError("bad-argument", "members must name at least one user, the creator of the room");
      const roomId = server.rooms.create();
      const set = (type: string, content: JsonObject) =>
        server.rooms.add(roomId, { type, sender: creator, stateKey: "", content });
      set("m.room.create", { room_version: version });
      for (const userId of members) setMembership(roomId, userId, userId, "join");
      set("m.room.power_levels", merged({ ...defaultLevels, users: { [creator]: 100 } }, powerLevels));
      if (encrypted) set("m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" });
      return roomId;
    },
    client: (userId, deviceId) => virtualClient(server, userId, deviceId),

    joinRoom: (roomId, userId) => setMembership(roomId, userId, userId, "join"),
    leaveRoom: (roomId, userId) => setMembership(roomId, userId, userId, "leave"),
    invite: (roomId, userId) => setMembership(roomId, creatorOf(roomId), userId, "invite"),
    kick: (roomId, userId) => setMembership(roomId, creatorOf(roomId), userId, "leave"),
    ban: (roomId, userId) => setMembership(roomId, creatorOf(roomId), userId, "ban"),

    setState: (roomId, event) => server.rooms.add(roomId, event),
    sendSticky(roomId, { durationMs = 3_600_000, ttlMs, encryption = "cleartext", senderDeviceId, ...draft }) {
      return server.rooms.addSticky(roomId, draft, {
        durationMs,
        encryption,
        ...(ttlMs !== undefined && { ttlMs }),
        ...(senderDeviceId !== undefined && { senderDeviceId }),
      });
    },
    sendEvent: (roomId, event) => server.rooms.add(roomId, event),
    redact: (roomId, eventId) => server.rooms.redact(roomId, eventId, creatorOf(roomId)),
    setPresence: (userId, content) => server.ephemeral.setPresence(userId, content),
    deliver: (to, message) => server.deliver(to, message),

    events: (roomId) => server.rooms.get(roomId).events,
    delayed: () => server.delayed.pending,
    event$: server.rooms.event$.asObservable(),
    requests: server.requests,
    request$: server.request$.asObservable(),

    injectFault: (filter, fault) => server.faults.arm(filter, fault),
    adjust: (device, condition) => server.device(device).adjust(condition),
    kill: (device) => server.kill(device),
    whileAlive: (device) => takeUntil(server.deathOf(device)),
    forgetMember: (device, roomId, userId) => server.device(device).synced.forgetMember(roomId, userId),
    loseDelayed: (userId) => server.delayed.lose(userId),
    stop: () => server.stop(),
    start: () => server.start(),
  };
}

const defaultLevels: JsonObject = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  events: { "org.matrix.msc3401.call.member": 0 },
};

const merged = (base: JsonObject, changes: JsonObject): JsonObject => ({
  ...base,
  ...Object.fromEntries(
    Object.entries(changes).map(([key, value]) => {
      const before = base[key];
      return [key, isObject(before) && isObject(value) ? merged(before, value) : value];
    }),
  ),
});
