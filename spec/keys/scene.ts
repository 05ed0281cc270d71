// Scene: our part in a call whose members, messages and network are drawn.
import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  share,
  Subject,
  tap,
  throwError,
  timer,
} from "rxjs";
import type { KeysContext } from "../../src/keys/channel.ts";
import type { KeysEvent } from "../../src/keys/effects.ts";
import { sessionKeys } from "../../src/keys/keys.ts";
import { type KeyOptions, resolveKeyOptions } from "../../src/keys/options.ts";
import type { KeyTrace } from "../../src/keys/trace.ts";
import { formatOf, parseKeyMessage, parseRoomKeys } from "../../src/keys/wire.ts";
import {
  type Device,
  MatrixError,
  type OutgoingEvent,
  type RoomChange,
  type RoomEvent,
  type RoomKeyEvent,
  type ToDeviceMessage,
  type ToDeviceOutcome,
} from "../../src/matrix.ts";
import { toBase64 } from "../../src/room/base64.ts";
import { keyName, membersBy } from "../../src/testing/marble-names.ts";
import type { Rejection } from "../../src/membership/rejection.ts";
import type { DecryptionReport, EncryptionKey, Membership, OwnMember } from "../../src/types.ts";

export const roomId = "!kitchen:example.org";

let age = 0;

/** `"me bob"`: oldest first. See `member` for the names. */
export const members = membersBy((name) => {
  if (name.endsWith("~")) {
    const before = member(name.slice(0, -1));
    age += 1;
    return { ...before, eventId: `$${name}`, createdTs: before.kind === "state" ? before.createdTs : age };
  }
  const [instance = "", kind = "sticky", claimed = instance] = name.split(".");
  const user = instance.replace(/\d+$/, "");
  const fields = { ...deviceOf(user), createdTs: (age += 1) };
  if (kind === "state") return { ...fields, memberId: `@${claimed.replace(/\d+$/, "")}:example.org:PHONE` };
  return { ...fields, kind: "sticky", memberId: `id-of-${instance}`, participantIdentity: `sfu-${instance}` };
});

/** `bob`: a sticky member; `bob2`: the same device after a re-join; `bob.state`: a state member; `bob~`: after a renewal; `eve.state.bob`: claims the id of Bob. */
export const member = (name: string): Membership => members(name)[0]!;

export const deviceOf = (user: string): Device => ({ userId: `@${user}:example.org`, deviceId: "PHONE" });
export const nameOf = ({ userId }: Pick<Device, "userId">): string => userId.slice(1, userId.indexOf(":"));

/** 16 equal bytes. */
export const keyOf = (byte: number): Uint8Array<ArrayBuffer> => new Uint8Array(16).fill(byte);

export interface Letter {
  readonly from: string;
  readonly index?: number;
  /** The byte that the key consists of, */
  readonly key?: number;
  /** or all of them. */
  readonly bytes?: Uint8Array;
  readonly sentTs?: number;
  /** The content, changed. */
  readonly content?: object;
  readonly proof?: ToDeviceMessage["proof"] | "none";
  readonly memberId?: string | undefined;
  /** How many steps of a key its device follows: one unless given. */
  readonly reach?: number;
}

/** A key message of today's format. `from` names an instance: `bob2`. */
export function letter({
  from,
  index = 0,
  key = 1,
  bytes = keyOf(key),
  sentTs = 0,
  content,
  proof,
  memberId,
  reach,
}: Letter): ToDeviceMessage {
  const { userId: sender, deviceId } = deviceOf(from.replace(/\d+$/, ""));
  return {
    type: "io.element.call.encryption_keys",
    sender,
    content: {
      keys: { index, key: toBase64(bytes) },
      room_id: roomId,
      member: { id: memberId ?? `id-of-${from}`, claimed_device_id: deviceId },
      session: { call_id: "", application: "m.call", scope: "m.room" },
      sent_ts: sentTs,
      ...(reach !== undefined && { "rx.matrixrtc.ratchet_window": reach }),
      ...content,
    },
    ...(proof !== "none" && { proof: proof ?? { deviceId, crossSigned: true } }),
  };
}

export interface Plan extends KeyOptions {
  /** Members as they change: in names, or as they are. */
  readonly members: Observable<string | readonly Membership[]>;
  readonly letters?: Observable<ToDeviceMessage>;
  readonly roomKeys?: Observable<RoomKeyEvent>;
  /** Rejected membership events, as they change: none unless given. */
  readonly rejections?: Observable<readonly Rejection[]>;
  /** What the media layer reports. */
  readonly reports?: Observable<DecryptionReport>;
  readonly self?: "state" | "sticky";
  /** `m.call#ROOM` unless given. */
  readonly slot?: string;
  /** How long a message takes until it is acknowledged: 0 unless given. */
  readonly latencyMs?: number;
  /** How long a message for a device takes, if not `latencyMs`. */
  readonly latencyOf?: (name: string, attempt: number) => number;
  /** What happens to a message for a device: sent, unless this says otherwise. `silence`: no answer ever. */
  readonly outcome?: (name: string, attempt: number) => ToDeviceOutcome["outcome"] | "silence";
  /** Whether the device of a user is cross-signed: it is, unless this says otherwise. */
  readonly crossSigned?: (name: string) => boolean;
  /** How long the server asks to wait before a delivery that failed is tried again. */
  readonly retryAfterMs?: number;
  /** What happens to an event of the room, by its number: sent, unless this says otherwise. `end`: no answer, at once. */
  readonly roomOutcome?: (count: number) => "sent" | "silence" | "end" | MatrixError;
  /** Users whose name begins like this were kicked from the room. Everybody is in it unless given. */
  readonly outsider?: string;
  /** From when on these are not in the room: from the start unless given. */
  readonly outsiderFromTs?: number;
  /** Changes that the client reports: none unless given. */
  readonly changes?: Observable<readonly RoomChange[]>;
  /** From when on the room is encrypted: from the start unless given. */
  readonly encryptedTs?: number;
  /** Nothing is traced. */
  readonly dropsTrace?: boolean;
}

/** The port, as far as keys use it, and what goes out through it. */
function drawnPort(plan: Plan) {
  const { letters = NEVER, roomKeys = NEVER, changes = NEVER, latencyMs = 0, outcome, retryAfterMs } = plan;
  const { latencyOf = () => latencyMs } = plan;
  const { outsider, outsiderFromTs = 0, encryptedTs = 0, roomOutcome = () => "sent" } = plan;
  const messages$ = new Subject<{ message: ToDeviceMessage; devices: readonly Device[] }>();
  const events$ = new Subject<OutgoingEvent>();
  let eventCount = 0;
  const attempts = new Map<string, number>();

  const outcomeFor = ({ userId, deviceId }: Device): Observable<ToDeviceOutcome> => {
    const name = nameOf({ userId });
    const attempt = (attempts.get(name) ?? 0) + 1;
    attempts.set(name, attempt);
    const result = outcome?.(name, attempt) ?? "sent";
    if (result === "silence") return NEVER;
    const cause = retryAfterMs !== undefined && new MatrixError("rate-limited", "too many", { retryAfterMs });
    const answer: ToDeviceOutcome = { userId, deviceId, outcome: result, ...(cause && { cause }) };
    const answerMs = latencyOf(name, attempt);
    return answerMs > 0 ? timer(answerMs).pipe(map(() => answer)) : of(answer);
  };
  const answerTo = (result: ReturnType<typeof roomOutcome>): Observable<string> => {
    if (result === "sent") return of("$event");
    if (result === "silence") return NEVER;
    return result === "end" ? EMPTY : throwError(() => result);
  };
  const stateOf = (type: string, sender: string, content: object): RoomEvent => ({
    type,
    sender,
    content,
    eventId: "$state",
    originServerTs: 0,
    stateKey: sender,
  });
  const matrix: KeysContext["matrix"] = {
    changes$: changes,
    isCrossSigned: (device) => defer(() => of(plan.crossSigned?.(nameOf(device)) ?? true)),
    toDevice$: letters,
    roomKey$: roomKeys,
    stateEvent: (_, type, stateKey) => {
      const isLate = asyncScheduler.now() < outsiderFromTs;
      const isOutside = outsider !== undefined && !isLate && stateKey.startsWith(`@${outsider}`);
      if (type === "m.room.encryption") return asyncScheduler.now() >= encryptedTs ? stateOf(type, "", {}) : undefined;
      return isOutside
        ? stateOf(type, "@admin:example.org", { membership: "leave" })
        : stateOf(type, stateKey, { membership: "join" });
    },
    send: (event) =>
      defer(() => {
        events$.next(event);
        const answer$ = answerTo(roomOutcome((eventCount += 1)));
        return concat(timer(latencyMs).pipe(ignoreElements()), answer$);
      }),
    sendToDevice: (devices, type, content) => {
      messages$.next({ message: { type, sender: "@me:example.org", content }, devices });
      return of(...devices).pipe(mergeMap(outcomeFor));
    },
  };
  return { matrix, messages$, events$ };
}

export function scene(plan: Plan) {
  const { members: names$, self = "sticky", slot = "m.call#ROOM", reports = NEVER } = plan;
  const { matrix, messages$, events$ } = drawnPort(plan);
  const membership$ = new BehaviorSubject<readonly Membership[]>([]);
  const rejected$ = new BehaviorSubject<readonly Rejection[]>([]);
  const trace: KeyTrace[] = [];
  const trace$ = new Subject<KeyTrace>();
  const context: KeysContext = {
    matrix,
    roomId,
    slot,
    membership$,
    rejected$,
    trace: (entry) => {
      if (plan.dropsTrace) return;
      trace.push(entry);
      trace$.next(entry);
    },
  };
  const inWords = (isRequest: boolean) =>
    messages$.pipe(
      filter(({ message }) => "rx.matrixrtc.wants_key" in (message.content as object) === isRequest),
      map(({ message, devices }) => `${indexIn(message)} > ${devices.map(nameOf).join(" ")}`),
    );

  // The members are there before anybody looks, as they are in a session.
  names$.pipe(map((list) => (typeof list === "string" ? members(list) : list))).subscribe(membership$);
  plan.rejections?.subscribe(rejected$);
  const keys = sessionKeys(context);
  const events = defer(() => {
    const event$ = keys.exchange(ownMember(self), resolveKeyOptions(plan));
    const reporting$ = reports.pipe(
      tap((report) => keys.decryption.next(report)),
      ignoreElements(),
      catchError(() => EMPTY),
    );
    // In this order, since reports are ignored while nobody is joined.
    return new Observable<KeysEvent>((subscriber) => {
      subscriber.add(event$.subscribe(subscriber));
      if (!subscriber.closed) subscriber.add(reporting$.subscribe());
    });
  }).pipe(share());
  const key$ = events.pipe(concatMap((event) => (event.kind === "key" ? [event.key] : [])));
  return {
    keys,
    nowTs: () => asyncScheduler.now(),
    /** The members, as a user of the session sees them. */
    members: () => membership$.value,
    trace,
    trace$: trace$.asObservable(),
    key$,
    /** Whether anybody follows the members. */
    isWatched: () => membership$.observed,
    /** Emits when our membership has to be renewed. */
    keysUnanswered$: events.pipe(filter(({ kind }) => kind === "keys-unanswered")),
    /** Keys to install: `me#0`, `bob#3`. */
    installed$: key$.pipe(map(keyName)),
    /** Keys that go out: `0 > bob carl`, or `0 > room`. */
    sent$: merge(inWords(false), events$.pipe(map((event) => `${indexOf(event)} > room`))),
    /** Keys that go out along with a request for theirs. */
    requested$: inWords(true),
    /** The messages themselves. */
    messages$: messages$.asObservable(),
    events$: events$.asObservable(),
    /** Decisions of the kinds wanted. */
    traced: (...kinds: KeyTrace["kind"][]) => trace.filter(({ kind }) => kinds.includes(kind)),
  };
}

function ownMember(self: "state" | "sticky"): OwnMember {
  const { kind, userId, deviceId, memberId, participantIdentity } = member(self === "state" ? "me.state" : "me");
  return { kind, userId, deviceId, memberId, participantIdentity };
}

export function keyIn({ type, content }: ToDeviceMessage): EncryptionKey["key"] | undefined {
  const format = formatOf(type);
  const parsed = format && parseKeyMessage(format, content);
  return parsed?.ok?.key;
}

function indexIn({ type, content }: ToDeviceMessage): number {
  const format = formatOf(type);
  const parsed = format && parseKeyMessage(format, content);
  return parsed?.ok?.keyIndex ?? -1;
}

function indexOf({ content }: OutgoingEvent): number {
  return parseRoomKeys(content).ok?.keys[0]?.keyIndex ?? -1;
}

/** Runs the keys and shows what goes out, in order with what is installed: `0 > bob`, `me#0`. */
export const happening = ({ installed$, sent$ }: ReturnType<typeof scene>): Observable<string> =>
  new Observable((subscriber) => {
    sent$.subscribe((word) => subscriber.next(word));
    subscriber.add(installed$.subscribe(subscriber));
  });
