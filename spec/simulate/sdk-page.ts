// SdkPage: a page that runs the session classes of matrix-js-sdk on the same server, as members of another make.
import {
  ClientEvent,
  ConnectionError,
  type IEvent,
  type MatrixClient,
  MatrixError as SdkError,
  MatrixEvent,
  type Room,
  RoomStateEvent,
  UnsupportedDelayedEventsEndpointError,
} from "matrix-js-sdk";
import type { CallMembership } from "matrix-js-sdk/lib/matrixrtc/CallMembership.js";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { MatrixRTCSession, MatrixRTCSessionEvent } from "matrix-js-sdk/lib/matrixrtc/MatrixRTCSession.js";
import { RoomStickyEventsEvent } from "matrix-js-sdk/lib/models/room-sticky-events.js";
import { EventEmitter } from "node:events";
import { lastValueFrom, type Observable, type Subscription, throwError, timeout, timer } from "rxjs";
import { MatrixError } from "../../src/matrix.ts";
import type { Matrix, OutgoingEvent, RoomEvent } from "../../src/matrix.ts";
import { toBase64 } from "../../src/room/base64.ts";
import type { SyncedRooms } from "../../src/testing/synced-rooms.ts";
import type { Life } from "./clock.ts";
import { MediaPage } from "./media.ts";
import type { Page, PageEvents, SeenMember } from "./page.ts";
import type { DeviceTraits } from "./scenario.ts";

/** Drops the log of the SDK. */
const quietLogger = logger as typeof logger & { methodFactory: () => () => void; rebuild(): void };
quietLogger.methodFactory = () => () => {};
quietLogger.rebuild();

/** A connection that hangs for longer than this is broken. */
const hangMs = 60_000;
const stickyMs = 3_600_000;

export class SdkPage implements Page {
  readonly life: Life;
  readonly media: MediaPage;
  readonly traits: DeviceTraits;
  readonly probablyLeft = false;
  end: string | undefined;
  hasJoined = false;
  joinedSinceMs = 0;
  joinedUntilMs = 0;
  joinStartedMs = 0;
  readonly #matrix: Matrix;
  readonly #roomId: string;
  readonly #events: PageEvents;
  readonly #room = new EventEmitter();
  readonly #client = new EventEmitter();
  readonly #watching: Subscription[] = [];
  readonly #session: MatrixRTCSession;
  /** One object for each event, as in a client. */
  readonly #known = new Map<string, MatrixEvent>();
  #status: Page["status"] = "out";
  #joins = 0;

  constructor(life: Life, traits: DeviceTraits, client: Matrix, _: SyncedRooms, roomId: string, events: PageEvents) {
    this.life = life;
    this.traits = traits;
    this.#matrix = client;
    this.#roomId = roomId;
    this.#events = events;
    this.media = new MediaPage(life);
    this.#room.setMaxListeners(0);
    this.#session = new MatrixRTCSession(
      this.#sdkClient() as unknown as MatrixClient,
      this.#sdkRoom() as unknown as Room,
      { application: "m.call", id: "ROOM" },
      { listenForMemberStateEvents: true, listenForStickyEvents: true },
    );
    this.#session.on(MatrixRTCSessionEvent.MembershipsChanged, () => events.membersChanged());
    this.#session.on(MatrixRTCSessionEvent.EncryptionKeyChanged, (key, index, { userId, deviceId }, identity) => {
      const isOwn = userId === client.userId && deviceId === client.deviceId;
      if (isOwn) {
        if (this.#status === "out" || this.#status === "leaving") return;
        this.media.identity = identity;
        events.keyUsed(index, toBase64(key));
      } else events.keyInstalled(identity, index, toBase64(key));
    });
    this.#session.on(MatrixRTCSessionEvent.MembershipManagerError, () => this.#ended("failed"));
    this.#watching.push(
      client.changes$.subscribe(() => {
        this.#room.emit(RoomStateEvent.Members);
        this.#room.emit(RoomStickyEventsEvent.Update, this.#stickyEvents(), [], []);
        void this.#session._onRTCSessionMemberUpdate();
        if (this.#status === "joining" && this.#isShown()) this.#joined();
      }),
      client.toDevice$.subscribe(({ type, sender, content }) => {
        this.#client.emit(ClientEvent.ToDeviceEvent, new MatrixEvent({ type, sender, content } as Partial<IEvent>));
      }),
    );
  }

  get status(): Page["status"] {
    return this.#status;
  }

  get members(): readonly SeenMember[] {
    return this.#session.memberships.map((membership) => ({
      kind: isSticky(membership) ? "sticky" : "state",
      userId: membership.userId,
      deviceId: membership.deviceId,
      memberId: membership.memberId,
      participantIdentity: membership.rtcBackendIdentity,
    }));
  }

  saysUnreached(): boolean {
    return false;
  }

  encryptionOf(): undefined {
    return undefined;
  }

  differenceFromFresh(): undefined {
    return undefined;
  }

  join(): void {
    if (this.#status !== "out") return;
    this.end = undefined;
    this.hasJoined = false;
    this.#status = "joining";
    this.joinStartedMs = this.#events.ms();
    const { userId, deviceId } = this.#matrix;
    const isSticky = this.traits.mode === "matrix_2_0";
    const memberId = isSticky ? `${this.life.name}-${(this.#joins += 1)}` : `${userId}:${deviceId}`;
    this.#session.joinRTCSession({ userId, deviceId, memberId }, [], focus, {
      unstableSendStickyEvents: isSticky,
      manageMediaKeys: true,
      delayedLeaveEventDelayMs: 18_000,
      networkErrorRetryMs: 1_000,
      maximumNetworkErrorRetryCount: 1_000,
      maximumRateLimitRetryCount: 1_000,
    });
    this.#events.log("state joining");
    this.#events.statusChanged();
  }

  leave(): void {
    if (this.#status === "out") return;
    this.#status = "leaving";
    this.#events.log("state leaving");
    this.media.forget();
    void this.#session.leaveRoomSession(10_000).then(() => this.#ended("completed"));
  }

  close(): void {
    this.leave();
  }

  setIntent(): void {}

  get leftovers(): number {
    return 0;
  }

  dispose(): void {
    for (const watching of this.#watching) watching.unsubscribe();
    void this.#session.stop();
  }

  #isShown(): boolean {
    const { userId, deviceId } = this.#matrix;
    return this.members.some((member) => member.userId === userId && member.deviceId === deviceId);
  }

  #joined(): void {
    this.#status = "joined";
    this.hasJoined = true;
    this.joinedSinceMs = this.#events.ms();
    this.#events.log("state joined");
    this.#events.statusChanged();
  }

  #ended(how: string): void {
    if (this.#status === "out") return;
    this.#status = "out";
    this.end = how;
    this.media.forget();
    this.#events.log(`join ended: ${how}`);
    this.#events.statusChanged();
  }

  #event({ eventId, type, sender, content, originServerTs, stateKey }: RoomEvent, more: object = {}): MatrixEvent {
    const known = this.#known.get(eventId);
    if (known) return known;
    const raw = { event_id: eventId, type, sender, content, origin_server_ts: originServerTs, room_id: this.#roomId };
    const event = new MatrixEvent({ ...raw, state_key: stateKey, ...more } as Partial<IEvent>);
    this.#known.set(eventId, event);
    return event;
  }

  /** The newest one of each sender and sticky key. */
  #stickyEvents(): MatrixEvent[] {
    const newest = new Map<string, MatrixEvent>();
    for (const event of this.#matrix.stickyEvents(this.#roomId)) {
      if (event.encryption === "undecryptable") continue;
      const { durationMs, ttlMs } = event;
      const more = { msc4354_sticky: { duration_ms: durationMs }, unsigned: { msc4354_sticky_duration_ttl_ms: ttlMs } };
      const key = `${event.sender} ${String((event.content as Record<string, unknown>)["msc4354_sticky_key"])}`;
      newest.set(key, this.#event(event, more));
    }
    return [...newest.values()];
  }

  #sdkRoom(): object {
    const { userId: _ } = this.#matrix;
    const state = {
      getStateEvents: (type: string, stateKey?: string) => {
        if (stateKey === undefined)
          return Array.from(this.#matrix.stateEvents(this.#roomId, type), (event) => this.#event(event));
        const event = this.#matrix.stateEvent(this.#roomId, type, stateKey);
        return event ? this.#event(event) : null;
      },
    };
    return Object.assign(this.#room, {
      roomId: this.#roomId,
      getVersion: () => "11",
      getLiveTimeline: () => ({ getState: () => state }),
      hasMembershipState: (userId: string, membership: string) =>
        (this.#matrix.stateEvent(this.#roomId, "m.room.member", userId)?.content as { membership?: string } | undefined)
          ?.membership === membership,
      _unstable_getStickyEvents: () => this.#stickyEvents(),
    });
  }

  #sdkClient(): object {
    const matrix = this.#matrix;
    const roomId = this.#roomId;
    let txn = 0;
    const send = (event: OutgoingEvent) => answer(matrix.send(event)).then((event_id) => ({ event_id }));
    const schedule = (event: OutgoingEvent, delay: number) =>
      answer(matrix.schedule(event, delay)).then((delay_id) => ({ delay_id }));
    const update = (action: "restart" | "cancel" | "send") => (delayId: string) =>
      answer(matrix.updateDelayedEvent(delayId, action)).then(() => ({}));
    const stateEvent = (type: string, content: object, stateKey: string): OutgoingEvent => ({
      roomId,
      type,
      content: plain(content),
      stateKey,
    });
    const stickyEvent = (type: string, content: object): OutgoingEvent => ({
      roomId,
      type,
      content: plain(content),
      stickyMs,
      txnId: `${this.life.name}-${(txn += 1)}`,
    });
    return Object.assign(this.#client, {
      getUserId: () => matrix.userId,
      getDeviceId: () => matrix.deviceId,
      cancelPendingEvent: () => {},
      decryptEventIfNeeded: () => Promise.resolve(),
      sendEvent: (_: string, type: string, content: object) => send(stickyEvent(type, content)),
      sendStateEvent: (_: string, type: string, content: object, stateKey: string) =>
        send(stateEvent(type, content, stateKey)),
      _unstable_sendDelayedStateEvent: (
        _: string,
        { delay }: { delay: number },
        type: string,
        content: object,
        stateKey: string,
      ) => schedule(stateEvent(type, content, stateKey), delay),
      _unstable_sendStickyEvent: (_: string, _duration: number, _thread: null, type: string, content: object) =>
        send(stickyEvent(type, content)),
      _unstable_sendStickyDelayedEvent: (
        _: string,
        _duration: number,
        { delay }: { delay: number },
        _thread: null,
        type: string,
        content: object,
      ) => schedule(stickyEvent(type, content), delay),
      _unstable_restartScheduledDelayedEvent: update("restart"),
      _unstable_cancelScheduledDelayedEvent: update("cancel"),
      _unstable_sendScheduledDelayedEvent: update("send"),
      // Resolves when the messages are queued. The queue tries again after trouble of the network.
      encryptAndSendToDevice: (
        type: string,
        devices: readonly { readonly userId: string; readonly deviceId: string }[],
        content: object,
      ) => {
        for (const device of devices) this.#deliver(device, type, content);
        return Promise.resolve();
      },
    });
  }

  #deliver(device: { readonly userId: string; readonly deviceId: string }, type: string, content: object): void {
    this.#matrix.sendToDevice([device], type, content).subscribe({
      next: ({ outcome }) => {
        if (outcome === "failed" && this.life.state === "awake")
          timer(5_000).subscribe(() => this.#status !== "out" && this.#deliver(device, type, content));
      },
      error: () => {},
    });
  }
}

export const focus = { type: "livekit", livekit_service_url: "https://livekit.virtual.example" } as const;

/** Whether a membership is a sticky one: the state events of a device have its id in their key. */
const isSticky = ({ memberId, userId, deviceId }: CallMembership): boolean => memberId !== `${userId}:${deviceId}`;

const plain = (content: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(content)) as Record<string, unknown>;

/** The first value of a request, with the errors that the SDK knows. */
function answer<T>(request$: Observable<T>): Promise<T | undefined> {
  return lastValueFrom(
    request$.pipe(
      timeout({ first: hangMs, with: () => throwError(() => new MatrixError("network", "the connection hangs")) }),
    ),
    { defaultValue: undefined },
  ).catch((error: unknown) => {
    throw error instanceof MatrixError ? sdkErrorOf(error) : error;
  });
}

function sdkErrorOf({ kind, message, retryAfterMs, maxDelayMs }: MatrixError): Error {
  switch (kind) {
    case "network":
    case "timeout":
      return new ConnectionError(message);
    case "unsupported":
      return new UnsupportedDelayedEventsEndpointError(message, "sendDelayedStateEvent");
    case "rate-limited":
      return new SdkError({ errcode: "M_LIMIT_EXCEEDED", error: message, retry_after_ms: retryAfterMs }, 429);
    case "not-found":
      return new SdkError({ errcode: "M_NOT_FOUND", error: message }, 404);
    case "max-delay-exceeded":
      return new SdkError(
        {
          errcode: "M_UNKNOWN",
          error: message,
          "org.matrix.msc4140.errcode": "M_MAX_DELAY_EXCEEDED",
          "org.matrix.msc4140.max_delay": maxDelayMs,
        },
        400,
      );
    default:
      return new SdkError({ errcode: kind === "forbidden" ? "M_FORBIDDEN" : "M_UNKNOWN", error: message }, 403);
  }
}
