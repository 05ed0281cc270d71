// Scene: our part in a call whose members, messages and network are drawn.
import {
  asyncScheduler,
  BehaviorSubject,
  concat,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  Subject,
  throwError,
  timer,
} from "rxjs";
import type { SessionContext } from "../../src/session-context.ts";
import { mediaKeys } from "../../src/keys/media-keys.ts";
import { type KeyOptions, resolveKeyOptions } from "../../src/keys/options.ts";
import { formatOf, parseKeyMessage, parseRoomKeys } from "../../src/keys/wire.ts";
import {
  type Device,
  type Matrix,
  MatrixError,
  type OutgoingEvent,
  type RoomKeyEvent,
  type ToDeviceMessage,
  type ToDeviceOutcome,
} from "../../src/matrix.ts";
import { toBase64 } from "../../src/room/base64.ts";
import { keyName } from "../../src/testing/index.ts";
import type { TraceEntry } from "../../src/trace.ts";
import type { EncryptionKey, Membership, OwnMember } from "../../src/types.ts";
import type { KeyTrace } from "../../src/keys/trace.ts";

export const roomId = "!kitchen:example.org";

const known = new Map<string, Membership>();

/** `bob`: a sticky member; `bob2`: the same device after a re-join; `bob.state`: as a state member; `bob~`: refreshed; `eve.state.bob`: claims Bob's id. */
export function member(name: string): Membership {
  const before = known.get(name);
  if (before) return before;
  if (name.endsWith("~")) {
    const old = member(name.slice(0, -1));
    const renewed = { ...old, eventId: `$${name}`, createdTs: old.kind === "state" ? old.createdTs : known.size };
    known.set(name, renewed);
    return renewed;
  }
  const [instance = "", kind = "sticky", claimed = instance] = name.split(".");
  const user = instance.replace(/\d+$/, "");
  const made: Membership = {
    ...deviceOf(user),
    kind: kind === "state" ? "state" : "sticky",
    memberId: kind === "state" ? `@${claimed.replace(/\d+$/, "")}:example.org:PHONE` : `id-of-${instance}`,
    instance: name,
    slot: "m.call#ROOM",
    application: { type: "m.call" },
    intent: undefined,
    transports: [],
    focusSelection: undefined,
    createdTs: known.size,
    expiresTs: Infinity,
    participantIdentity: kind === "state" ? `@${user}:example.org:PHONE` : `sfu-${instance}`,
    eventId: `$${name}`,
  };
  known.set(name, made);
  return made;
}

/** `"me bob"`: oldest first. */
export const members = (names: string): readonly Membership[] =>
  names
    .split(" ")
    .filter((name) => name !== "")
    .map(member);

export const deviceOf = (user: string): Device => ({ userId: `@${user}:example.org`, deviceId: "PHONE" });
export const nameOf = ({ userId }: Pick<Device, "userId">): string => userId.slice(1, userId.indexOf(":"));

/** 16 bytes that are all the same. */
export const keyOf = (byte: number): Uint8Array<ArrayBuffer> => new Uint8Array(16).fill(byte);

export interface Letter {
  readonly from: string;
  readonly index?: number;
  /** The byte that the key is made of, */
  readonly key?: number;
  /** or all of them. */
  readonly bytes?: Uint8Array;
  readonly sentTs?: number;
  /** The content, changed. */
  readonly content?: object;
  readonly proof?: ToDeviceMessage["proof"] | "none";
  readonly memberId?: string | undefined;
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
      ...content,
    },
    ...(proof !== "none" && { proof: proof ?? { deviceId, crossSigned: true } }),
  };
}

export interface Plan extends KeyOptions {
  /** Members, in names, as they change. */
  readonly members: Observable<string>;
  readonly letters?: Observable<ToDeviceMessage>;
  readonly roomKeys?: Observable<RoomKeyEvent>;
  readonly self?: "state" | "sticky";
  /** `m.call#ROOM` unless given. */
  readonly slot?: string;
  /** How long a message takes until it is acknowledged: 0 unless given. */
  readonly latencyMs?: number;
  /** What becomes of a message for a device: sent, unless this says otherwise. `silence`: nobody ever tells. */
  readonly outcome?: (name: string, attempt: number) => ToDeviceOutcome["outcome"] | "silence";
  /** How long the server asks to wait before a delivery that failed is tried again. */
  readonly retryAfterMs?: number;
  /** What becomes of an event of the room, by its number: taken, unless this says otherwise. `end`: no word, and no wait. */
  readonly roomOutcome?: (count: number) => "sent" | "silence" | "end" | MatrixError;
  /** Who is not in the room, by the beginning of the name: nobody unless given. */
  readonly outsider?: string;
  /** From when on the room is encrypted: from the start unless given. */
  readonly encryptedTs?: number;
}

export function scene({
  members: names$,
  letters = NEVER,
  roomKeys = NEVER,
  self = "sticky",
  slot = "m.call#ROOM",
  latencyMs = 0,
  outcome,
  retryAfterMs,
  roomOutcome = () => "sent",
  encryptedTs = 0,
  outsider,
  ...options
}: Plan) {
  const membership$ = new BehaviorSubject<readonly Membership[]>([]);
  const trace: TraceEntry[] = [];
  const trace$ = new Subject<TraceEntry>();
  const messages$ = new Subject<{ message: ToDeviceMessage; devices: readonly Device[] }>();
  const inWords = (isQuestion: boolean) =>
    messages$.pipe(
      filter(({ message }) => "rx.matrixrtc.wants_key" in (message.content as object) === isQuestion),
      map(({ message, devices }) => `${indexIn(message)} > ${devices.map(nameOf).join(" ")}`),
    );
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
    const told: ToDeviceOutcome = { userId, deviceId, outcome: result, ...(cause && { cause }) };
    return latencyMs > 0 ? timer(latencyMs).pipe(map(() => told)) : of(told);
  };
  const own = member(self === "state" ? "me.state" : "me");
  const { userId, deviceId, memberId, participantIdentity } = own;
  const matrix = {
    userId,
    deviceId,
    toDevice$: letters,
    roomKey$: roomKeys,
    stateEvent: (_: string, type: string, stateKey: string) => {
      if (type === "m.room.encryption") return asyncScheduler.now() >= encryptedTs ? {} : undefined;
      const isOutside = outsider !== undefined && stateKey.startsWith(`@${outsider}`);
      return type === "m.room.member" && !isOutside ? { content: { membership: "join" } } : undefined;
    },
    send: (event: OutgoingEvent) =>
      new Observable<string>((subscriber) => {
        events$.next(event);
        const result = roomOutcome((eventCount += 1));
        const answer$ =
          result === "sent"
            ? of("$event")
            : result === "silence"
              ? NEVER
              : result === "end"
                ? EMPTY
                : throwError(() => result);
        return concat(timer(latencyMs).pipe(ignoreElements()), answer$).subscribe(subscriber);
      }),
    sendToDevice(devices: readonly Device[], type: string, content: object) {
      messages$.next({ message: { type, sender: userId, content }, devices });
      return of(...devices).pipe(mergeMap(outcomeFor));
    },
  } as unknown as Matrix;
  const call = {
    matrix,
    roomId,
    slot,
    membership$,
    trace: (entry: TraceEntry) => {
      trace.push(entry);
      trace$.next(entry);
    },
  } as unknown as SessionContext<KeyTrace>;
  const self$: OwnMember = { kind: own.kind, userId, deviceId, memberId, participantIdentity };

  // The members are there before anybody looks, as they are in a session.
  names$.pipe(map(members)).subscribe(membership$);
  const unanswered$ = new Subject<void>();
  const key$ = mediaKeys(call, self$, resolveKeyOptions(options), unanswered$);
  return {
    trace,
    trace$: trace$.asObservable(),
    key$,
    /** Whether anybody follows the members. */
    isWatched: () => membership$.observed,
    /** Each time that our membership is to be renewed. */
    unanswered$: unanswered$.asObservable(),
    /** Keys to install: `me#0`, `bob#3`. */
    installed$: key$.pipe(map(keyName)),
    /** Keys that go out: `0 > bob carl`, or `0 > room`. */
    sent$: merge(inWords(false), events$.pipe(map((event) => `${indexOf(event)} > room`))),
    /** Keys that go out along with a question for theirs. */
    asked$: inWords(true),
    /** The messages themselves. */
    messages$: messages$.asObservable(),
    events$: events$.asObservable(),
    /** Decisions in words, of the kinds wanted. */
    traced: (...kinds: TraceEntry["kind"][]) => trace.filter(({ kind }) => kinds.includes(kind)),
  };
}

export function keyIn({ type, content }: ToDeviceMessage): EncryptionKey["key"] | undefined {
  const format = formatOf(type);
  const parsed = format && parseKeyMessage(format, content);
  return parsed && "key" in parsed ? parsed.key : undefined;
}

function indexIn({ type, content }: ToDeviceMessage): number {
  const format = formatOf(type);
  const parsed = format && parseKeyMessage(format, content);
  return parsed && "keyIndex" in parsed ? parsed.keyIndex : -1;
}

function indexOf({ content }: OutgoingEvent): number {
  const parsed = parseRoomKeys(content);
  return "keys" in parsed ? (parsed.keys[0]?.keyIndex ?? -1) : -1;
}

/** Runs the keys and shows what goes out, in order with what is installed: `0 > bob`, `me#0`. */
export const happening = ({ installed$, sent$ }: ReturnType<typeof scene>): Observable<string> =>
  new Observable((subscriber) => {
    sent$.subscribe((word) => subscriber.next(word));
    subscriber.add(installed$.subscribe(subscriber));
  });
