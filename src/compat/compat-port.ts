// CompatPort: the port of one session of the facade: a room and a client by shape, and our membership in the original's form.
import type { MatrixClient, MatrixEvent } from "matrix-js-sdk";
import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  from,
  ignoreElements,
  map,
  merge,
  Observable,
  ReplaySubject,
  Subject,
  tap,
  throwError,
} from "rxjs";
import { fromMatrixClient } from "../js-sdk/from-matrix-client.ts";
import {
  type Device,
  type Matrix,
  MatrixError,
  type OutgoingEvent,
  type RoomChange,
  type RoomEvent,
  type RoomKeyEvent,
  type ToDeviceMessage,
} from "../matrix.ts";
import { perClient } from "../room/per-client.ts";
import { isString, objectOr } from "../room/json.ts";
import { roomKeyType, stateMemberType } from "../room/names.ts";
import { portError, type RequestFor, tooManyRetries } from "./compat-errors.ts";
import type { RetryLimits } from "./join-config.ts";
import { isLeftMembershipContent } from "./membership-content.ts";
import { inOriginalForm, type OriginalJoin } from "./original-form.ts";
import type { ClientSubset, LimitedEvent, RoomSubset, Statistics } from "./original-types.ts";
import { type OwnEvent, shapeRooms } from "./shape-rooms.ts";

/** A join, as far as its requests depend on it. */
export interface PortJoin extends OriginalJoin {
  readonly limits: RetryLimits;
}

/** What the port of a session is made of. */
export interface CompatPortOptions {
  readonly client: ClientSubset;
  readonly room: RoomSubset;
  /** The events that make members. */
  readonly memberEvents: () => readonly MatrixEvent[];
  readonly statistics: Statistics;
}

/** Messages with keys that were received before a join are kept: at most this many, for this long. */
const keptKeys = [50, 60_000] as const;

/** The port, and what the facade needs to know of its requests. */
export class CompatPort {
  readonly matrix: Matrix;
  /** Emits the error when a request was retried too often. */
  readonly failed$: Subject<Error> = new Subject<Error>();
  /** Emits the id of our delayed leave when it changes. A secret. */
  readonly delayId$: Subject<string | undefined> = new Subject<string | undefined>();
  /** The writes of our membership: how many, and the end of the last one. */
  writeCount = 0;
  lastWrite: Promise<unknown> = Promise.resolve();
  join: PortJoin | undefined;
  /** The joins that are not over, oldest first: a join waits for the leave before it, whose delayed leave is not its own. */
  readonly joins: Set<object> = new Set<object>();

  readonly #options: CompatPortOptions;
  readonly #changed$ = new Subject<readonly RoomChange[]>();
  readonly #roomKey$ = new ReplaySubject<RoomKeyEvent>(...keptKeys);
  readonly #failures = new Map<string, number>();
  #delayId: string | undefined;
  #unwantedId: string | undefined;
  #echo: OwnEvent | undefined;
  #shownTs: Pick<RoomEvent, "eventId" | "originServerTs"> | undefined;

  constructor(options: CompatPortOptions) {
    this.#options = options;
    const base = baseOf(options);
    const { client, room, memberEvents } = options;
    const userId = client.getUserId();
    const deviceId = client.getDeviceId();
    if (userId === null) throw new Error("Missing userId in client");
    if (deviceId === null) throw new Error("Missing deviceId in client");
    this.matrix = {
      userId,
      deviceId,
      ...(base ?? shapeRooms(room, memberEvents, { echo: () => this.#echo, shownTs: () => this.#shownTs })),
      changes$: base?.changes$ ?? this.#changed$,
      toDevice$: base?.toDevice$ ?? this.#claimedToDevice$(),
      roomKey$: base?.roomKey$ ? merge(base.roomKey$, this.#roomKey$) : this.#roomKey$,
      send: (event) => this.#send(event),
      schedule: (event, delayMs) => this.#schedule(event, delayMs),
      updateDelayedEvent: (delayId, action, update) => this.#update(delayId, action, update?.keepalive && base),
      // A server without delayed events says so when we schedule the first one, which leaves within the call to join.
      delayedEventLimits: () => from([{}]),
      sendToDevice: (devices, type, content) => this.#sendToDevice(devices, type, content, base),
    };
  }

  /** The room may have changed. */
  changed(): void {
    const { room } = this.#options;
    this.#endEcho();
    this.#changed$.next([{ kind: "room", roomId: room.roomId }]);
  }

  /** Our membership that was sent and that the room does not show yet. */
  get echo(): LimitedEvent | undefined {
    return this.#echo && limitedEvent(this.#echo);
  }

  /** The room does not show what was sent, whatever the server has accepted. */
  forgetEcho(): void {
    this.#echo = undefined;
  }

  /** Our membership is gone, and the delayed leave must not end the next one: it is cancelled, as the original does. */
  replaceDelayedLeave(): void {
    this.#unwantedId = this.#delayId;
  }

  /** Starts to count retries for a new join. */
  begin(join: PortJoin): void {
    this.join = join;
    this.#failures.clear();
  }

  /** Takes a timeline event with keys of a member. The app vouches for it. */
  takeKeyEvent(event: LimitedEvent & { getRoomId?(): string | undefined }): void {
    const { room } = this.#options;
    const content = event.getContent();
    const { device_id: deviceId } = objectOr(content);
    if (event.getType() !== roomKeyType) return;
    this.#roomKey$.next({
      roomId: room.roomId,
      sender: event.getSender() ?? "",
      originServerTs: event.getTs(),
      content,
      ageMs: 0,
      proof: { ...(isString(deviceId) && { deviceId }), crossSigned: false },
    });
  }

  /** The room shows our membership. It stays the same stay in the call, so it keeps the time at which we sent it. */
  #endEcho(): void {
    const echo = this.#echo;
    const shown = echo && this.#options.memberEvents().find((event) => isShownBy(echo, event));
    if (!echo || !shown) return;
    this.#shownTs = { eventId: shown.getId() ?? "", originServerTs: echo.originServerTs };
    this.#echo = undefined;
  }

  #send(event: OutgoingEvent): Observable<string> {
    const { client } = this.#options;
    const isLeave = isLeftMembershipContent(event.content);
    const written = this.join ? inOriginalForm(event, this.join, this.#isStanding(event)) : event;
    return this.#request(isLeave ? "leave" : "write", () => {
      const { roomId, type, content } = written;
      if (!isLeave) this.writeCount += 1;
      const answer: unknown =
        written.stateKey === undefined
          ? written.stickyMs === undefined
            ? client.sendEvent(roomId, type as never, content as never)
            : client._unstable_sendStickyEvent(roomId, written.stickyMs, null, type as never, content as never)
          : client.sendStateEvent(roomId, type as never, content as never, written.stateKey);
      if (!isLeave) this.lastWrite = Promise.resolve(answer);
      return answer;
    }).pipe(
      map((response) => {
        const { event_id: eventId } = objectOr(response);
        const id = isString(eventId) ? eventId : "";
        this.#noteSent(written, id, isLeave);
        return id;
      }),
    );
  }

  #noteSent(event: OutgoingEvent, eventId: string, isLeave: boolean): void {
    const isSticky = event.stickyMs !== undefined;
    const { type, content, stateKey } = event;
    const { userId } = this.matrix;
    const originServerTs = asyncScheduler.now();
    this.#echo = isLeave
      ? undefined
      : {
          type,
          sender: userId,
          eventId: eventId === "" ? `$sent-${originServerTs}` : eventId,
          originServerTs,
          content,
          isSticky,
          ...(stateKey !== undefined && { stateKey }),
        };
    this.#endEcho();
    this.#changed$.next([{ kind: "room", roomId: event.roomId }]);
  }

  #schedule(event: OutgoingEvent, delayMs: number): Observable<string> {
    const { client } = this.#options;
    const { roomId, type, content, stateKey, stickyMs } = event;
    const delay = { delay: delayMs };
    return this.#request("schedule", () =>
      stateKey === undefined
        ? client._unstable_sendStickyDelayedEvent(roomId, stickyMs ?? 0, delay, null, type as never, content as never)
        : client._unstable_sendDelayedStateEvent(roomId, delay, type as never, content as never, stateKey),
    ).pipe(
      map((response) => {
        const { delay_id: delayId } = objectOr(response);
        if (!isString(delayId)) throw portError(new Error("the server named no delay id"), "schedule");
        this.#setDelayId(delayId);
        return delayId;
      }),
    );
  }

  /** Cancels a delayed leave instead of restarting it. For the join it is gone. */
  #cancelInstead(delayId: string): Observable<never> {
    this.#unwantedId = undefined;
    const gone = () => new MatrixError("not-found", "the delayed leave was cancelled");
    return concat(this.#update(delayId, "cancel", undefined), throwError(gone));
  }

  #update(delayId: string, action: Update, lasting: Matrix | false | undefined): Observable<never> {
    if (action === "restart" && delayId === this.#unwantedId) return this.#cancelInstead(delayId);
    const { client } = this.#options;
    const method = updateMethods[action];
    return this.#request(action, () =>
      client[method] ? client[method](delayId) : client._unstable_updateDelayedEvent(delayId, action as never),
    ).pipe(
      tap(() => {
        if (action !== "restart") this.#forgetDelayId(delayId);
      }),
      catchError((error: MatrixError) => {
        if (error.kind === "not-found" || error.kind === "unsupported") this.#forgetDelayId(delayId);
        // A page that is closing needs a request that outlives it.
        return lasting ? lasting.updateDelayedEvent(delayId, action, { keepalive: true }) : throwError(() => error);
      }),
      ignoreElements(),
    );
  }

  /** A request by the methods of the client, which count: apps and tests replace them. */
  #request(request: RequestFor, call: () => unknown): Observable<unknown> {
    return defer(() => from(Promise.resolve(call()))).pipe(
      tap(() => {
        this.#failures.delete(`${request} rate-limited`);
        this.#failures.delete(`${request} network`);
      }),
      catchError((raw: unknown) => {
        const error = portError(raw, request);
        this.#count(error, request);
        throw error;
      }),
    );
  }

  #count(error: MatrixError, request: RequestFor): void {
    const { kind } = error;
    const limits = this.join?.limits;
    const lostLimit = request === "restart" ? limits?.lostRestarts : limits?.network;
    const limit = kind === "rate-limited" ? limits?.rateLimited : kind === "network" ? lostLimit : undefined;
    const isUnknownWrite = request === "write" && kind === "other";
    if (limit === undefined) {
      if (isUnknownWrite) this.failed$.next(error);
      return;
    }
    const id = `${request} ${kind}`;
    const count = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, count);
    if (count > limit) this.failed$.next(tooManyRetries(error, request, limit));
  }

  #sendToDevice(
    devices: readonly Device[],
    type: string,
    content: object,
    base: Matrix | undefined,
  ): ReturnType<Matrix["sendToDevice"]> {
    const { client, statistics } = this.#options;
    statistics.counters.roomEventEncryptionKeysSent += 1;
    if (base && !Object.hasOwn(client, "encryptAndSendToDevice")) return base.sendToDevice(devices, type, content);
    return this.#request("send", () => client.encryptAndSendToDevice(type, [...devices], content as never)).pipe(
      map(() => "sent" as const),
      catchError((cause: MatrixError) => from([{ outcome: "failed" as const, cause }])),
      (result$) =>
        new Observable((subscriber) =>
          result$.subscribe({
            next: (result) => {
              const outcome = result === "sent" ? { outcome: result } : result;
              for (const device of devices) subscriber.next({ ...device, ...outcome });
            },
            complete: () => subscriber.complete(),
            error: (error: unknown) => subscriber.error(error),
          }),
        ),
    );
  }

  /** The messages of a client that decrypts them by itself, and names the device as its sender does. */
  #claimedToDevice$(): Observable<ToDeviceMessage> {
    const { client } = this.#options;
    if (!client.on) return EMPTY;
    return new Observable<ToDeviceMessage>((subscriber) => {
      const onMessage = (event: LimitedEvent) => subscriber.next(claimedMessage(event));
      client.on("toDeviceEvent" as never, onMessage as never);
      return () => void client.off("toDeviceEvent" as never, onMessage as never);
    });
  }

  #isStanding(event: OutgoingEvent): boolean {
    if (event.stateKey === undefined) return false;
    const { content } = this.matrix.stateEvent(event.roomId, event.type, event.stateKey) ?? {};
    return !isLeftMembershipContent(objectOr(content));
  }

  #setDelayId(delayId: string | undefined): void {
    if (delayId === this.#delayId) return;
    this.#delayId = delayId;
    this.delayId$.next(delayId);
  }

  #forgetDelayId(delayId: string): void {
    if (delayId === this.#delayId) this.#setDelayId(undefined);
  }
}

type Update = "restart" | "send" | "cancel";

const updateMethods = {
  restart: "_unstable_restartScheduledDelayedEvent",
  send: "_unstable_sendScheduledDelayedEvent",
  cancel: "_unstable_cancelScheduledDelayedEvent",
} as const;

/** The port of a client of the SDK: all its sessions share one. */
const sdkPort = perClient((client: MatrixClient) => fromMatrixClient(client));

/** The port of the SDK's own client, if the room is one of its rooms. */
function baseOf({ client, room }: CompatPortOptions): Matrix | undefined {
  const isOfClient = (room as { readonly client?: unknown }).client === client;
  return isOfClient ? sdkPort(client as MatrixClient) : undefined;
}

/** Whether an event of a room is what we have sent. Tests give their events other state keys. */
function isShownBy({ content, isSticky, sender }: OwnEvent, event: MatrixEvent): boolean {
  const field = isSticky ? "msc4354_sticky_key" : "device_id";
  const isSame = event.getContent()[field] === objectOr(content)[field];
  return isSame && event.getSender() === sender && (event.getType() === stateMemberType) !== isSticky;
}

const limitedEvent = ({ eventId, sender, originServerTs, type, content }: RoomEvent): LimitedEvent => {
  return {
    getId: () => eventId,
    getSender: () => sender,
    getTs: () => originServerTs,
    getType: () => type,
    getContent: <T>() => content as T,
  };
};

function claimedMessage(event: LimitedEvent): ToDeviceMessage {
  const content = event.getContent();
  const { claimed_device_id: deviceId } = objectOr(objectOr(content)["member"]);
  return {
    type: event.getType(),
    sender: event.getSender() ?? "",
    content,
    proof: { ...(isString(deviceId) && { deviceId }), crossSigned: false },
  };
}
