// OurPage: a page that runs a session of this library.
import { BehaviorSubject, Subject, type Subscription } from "rxjs";
import { RtcError, type JoinState, type Membership, watchSession } from "../../src/index.ts";
import { encryptedSession, type MemberEncryption } from "../../src/encryption/index.ts";
import { formatOf, parseKeyMessage, parseRoomKeys } from "../../src/keys/wire.ts";
import type { Matrix } from "../../src/matrix.ts";
import { toBase64 } from "../../src/room/base64.ts";
import type { Life } from "./clock.ts";
import { MediaPage } from "./media.ts";
import { isMembership } from "./truth.ts";
import type { Page, PageEvents } from "./page.ts";
import type { DeviceTraits } from "./scenario.ts";
import type { SyncedRooms } from "../../src/testing/synced-rooms.ts";

export const slot = "m.call#ROOM";

export class OurPage implements Page {
  readonly life: Life;
  readonly media: MediaPage;
  readonly traits: DeviceTraits;
  members: readonly Membership[] = [];
  state: JoinState | undefined;
  end: string | undefined;
  hasJoined = false;
  joinedSinceMs = 0;
  joinedUntilMs = 0;
  joinStartedMs = 0;
  readonly #matrix: Matrix;
  readonly #synced: SyncedRooms;
  readonly #roomId: string;
  readonly #events: PageEvents;
  readonly #session: ReturnType<typeof encryptedSession>;
  readonly #watching: Subscription[] = [];
  readonly #intent$ = new BehaviorSubject<string | undefined>(undefined);
  #encryption: ReadonlyMap<string, MemberEncryption> = new Map();
  #leave$ = new Subject<void>();
  #joined: Subscription | undefined;

  constructor(
    life: Life,
    traits: DeviceTraits,
    client: Matrix,
    synced: SyncedRooms,
    roomId: string,
    events: PageEvents,
  ) {
    this.life = life;
    this.traits = traits;
    this.#synced = synced;
    this.#roomId = roomId;
    this.#events = events;
    this.#matrix = observed(client, events);
    this.#session = encryptedSession(this.#matrix, { roomId, slot, awaitRoom: true });
    const { membership$, encryptionKey$, encryptionStatus$, decryption, trace$, rejected$ } = this.#session;
    this.media = new MediaPage(life, (report) => {
      events.log(`media ${report.result} #${report.keyIndex} of ${report.participantIdentity}`);
      decryption.next(report);
    });
    const broken = (name: string) => ({
      error: (error: unknown) => events.failed(`stream ${name} failed`, error),
      complete: () => events.failed(`stream ${name} completed`, undefined),
    });
    this.#watching.push(
      membership$.subscribe({
        next: (members) => {
          this.members = members;
          events.membersChanged();
        },
        ...broken("membership$"),
      }),
      encryptionKey$.subscribe({
        next: ({ own, keyIndex, key, participantIdentity }) => {
          const text = toBase64(key);
          if (own) events.keyUsed(keyIndex, text);
          else events.keyInstalled(participantIdentity, keyIndex, text);
        },
        ...broken("encryptionKey$"),
      }),
      encryptionStatus$.subscribe({
        next: (statuses) => {
          this.#encryption = statuses;
        },
        ...broken("encryptionStatus$"),
      }),
      rejected$.subscribe(broken("rejected$")),
      trace$.subscribe((entry) => {
        const { kind, ts: _, ...rest } = entry;
        events.log(`${kind} ${JSON.stringify(rest)}`);
      }),
    );
  }

  get status(): Page["status"] {
    return this.state?.status ?? "out";
  }

  get probablyLeft(): boolean {
    return this.state?.status === "joined" && this.state.probablyLeft;
  }

  encryptionOf(participantIdentity: string): string | undefined {
    const encryption = this.#encryption.get(participantIdentity);
    if (!encryption) return undefined;
    return encryption.status === "ok" ? "ok" : `${encryption.status} ${encryption.reason}`;
  }

  saysUnreached(participantIdentity: string): boolean {
    return this.#encryption.get(participantIdentity)?.unreached !== undefined;
  }

  differenceFromFresh(): string | undefined {
    const fresh = watchSession(this.#matrix, { roomId: this.#roomId, slot, awaitRoom: true });
    const live = inWords(this.#session.membership$.value);
    const now = inWords(fresh.membership$.value);
    if (live !== now) return `live ${live}, fresh ${now}`;
    const [rejected, rejectedNow] = [this.#session.rejected$.value, fresh.rejected$.value].map((list) =>
      list.map(({ eventId, reason }) => `${eventId} ${reason}`).join(", "),
    );
    return rejected === rejectedNow ? undefined : `live rejects ${rejected}, fresh ${rejectedNow}`;
  }

  join(): void {
    // A join that still leaves is over for us, and the new one waits for it.
    if (this.#joined && !this.#joined.closed && this.state?.status !== "leaving") return;
    const { mode, timing, rotation, format, keyTransport } = this.traits;
    this.end = undefined;
    this.hasJoined = false;
    this.joinStartedMs = this.#events.ms();
    const leave$ = (this.#leave$ = new Subject<void>());
    const isCurrent = () => this.#leave$ === leave$;
    this.#joined = this.#session
      .join({
        mode,
        timing,
        leaveOn: leave$,
        intent: this.#intent$,
        keys: { rotation, format, transport: keyTransport },
      })
      .subscribe({
        next: (state) => isCurrent() && this.#next(state),
        error: (error: unknown) => {
          if (!(error instanceof RtcError)) this.#events.failed("a join failed without an RtcError", error);
          if (isCurrent()) this.#ended(error instanceof RtcError ? error.code : "unknown");
        },
        complete: () => isCurrent() && this.#ended("completed"),
      });
  }

  leave(): void {
    this.#leave$.next();
  }

  close(): void {
    if (!this.#joined || this.#joined.closed) return;
    this.#joined.unsubscribe();
    this.#ended("closed");
  }

  setIntent(intent: string): void {
    this.#intent$.next(intent);
  }

  get leftovers(): number {
    const { changes$, toDevice$, roomKey$ } = this.#synced;
    return [changes$, toDevice$, roomKey$].filter(({ observed: isObserved }) => isObserved).length;
  }

  dispose(): void {
    for (const watching of this.#watching) watching.unsubscribe();
  }

  #next(state: JoinState): void {
    if (this.state?.status === "joined" && state.status !== "joined") this.joinedUntilMs = this.#events.ms();
    if (state.status === "joined") {
      if (this.state?.status !== "joined") this.joinedSinceMs = this.#events.ms();
      this.hasJoined = true;
    }
    this.state = state;
    const isMember = state.status !== "leaving" && !("step" in state && state.step === "waiting-for-leave");
    this.media.identity = isMember ? state.member.participantIdentity : undefined;
    const { status } = state;
    const detail = status === "joining" || status === "rejoining" ? ` ${state.step} ${state.attempt}` : "";
    this.#events.log(`state ${status}${detail}${this.probablyLeft ? " probably left" : ""}`);
    this.#events.statusChanged();
  }

  #ended(how: string): void {
    this.end = how;
    this.state = undefined;
    this.media.forget();
    this.#events.log(`join ended: ${how}`);
    this.#events.statusChanged();
  }
}

const inWords = (members: readonly Membership[]): string =>
  members
    .map(({ eventId, participantIdentity, expiresTs }) => `${participantIdentity} ${eventId} ${expiresTs}`)
    .join(", ");

/** A client whose messages with keys the world sees as they leave. */
function observed(client: Matrix, { keyOffered, membershipWritten }: PageEvents): Matrix {
  return {
    ...client,
    sendToDevice: (devices, type, content) => {
      const format = formatOf(type);
      const message = format && parseKeyMessage(format, content).ok;
      if (message) keyOffered(devices, message);
      return client.sendToDevice(devices, type, content);
    },
    send: (event) => {
      const keys = event.type === "io.element.call.encryption_keys" ? parseRoomKeys(event.content).ok?.keys : undefined;
      for (const key of keys ?? []) keyOffered([], key);
      const isJoin = "device_id" in event.content || "member" in event.content;
      if (isMembership(event.type) && isJoin) membershipWritten();
      return client.send(event);
    },
  };
}
