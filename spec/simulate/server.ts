// SimulatedServer: the virtual homeserver behind a network that the scenario draws, with pages that sleep, die and reload.
import { Observable } from "rxjs";
import { MatrixError, type OutgoingEvent } from "../../src/matrix.ts";
import { SyncedRooms } from "../../src/testing/synced-rooms.ts";
import type { SyncChange } from "../../src/testing/sync-change.ts";
import type { DeviceRecord } from "../../src/testing/device-record.ts";
import { VirtualServer } from "../../src/testing/virtual-server.ts";
import type { Life, SimulatedClock } from "./clock.ts";
import type { Network } from "./network.ts";
import type { RequestKind, Scenario } from "./scenario.ts";

/** A request at the moment when it leaves a device. */
export interface SentRequest {
  readonly device: number;
  readonly request: RequestKind;
  readonly type?: string;
  readonly stateKey?: string;
  readonly to?: { readonly userId: string; readonly deviceId: string };
}

/** The delayed leave of a page. */
export interface Guard {
  /** Until when it is live, as far as the page can know. */
  untilMs: number;
  delayMs: number;
  /** The server has refused to have one, or has sent two although the page lives. */
  isUnsupported: boolean;
  /** How many restarts in a row found it gone. */
  gone: number;
  /** How many the server has sent. */
  sent: number;
  /** How many before the present one were due, in a row, without an answered restart. After two a page does without. */
  unanswered: number;
}

/** The state key or the sticky key of a membership. */
const leaveKeyOf = ({ stateKey, content }: Pick<OutgoingEvent, "stateKey" | "content">): string =>
  String(stateKey ?? content["msc4354_sticky_key"]);

const passing: ReadonlySet<string> = new Set(["network", "timeout", "rate-limited", "soft-logged-out"]);
const isGone = (failure: unknown) =>
  failure instanceof MatrixError && (failure.kind === "not-found" || failure.kind === "conflict");

type RequestDraft = Omit<SentRequest, "device"> & { readonly roomId?: string };

export class SimulatedServer extends VirtualServer {
  readonly clock: SimulatedClock;
  readonly network: Network;
  readonly syncMs: number;
  readonly #guards = new Map<Life, Guard>();
  /** The page that has scheduled each leave. */
  readonly #schedulers = new Map<string, Life>();
  readonly #byDevice = new Map<DeviceRecord, DeviceLink>();
  readonly #onRequest: (request: SentRequest) => void;
  /** The page whose request the server handles now. Undefined: it acts by itself. */
  actor: Life | undefined;

  constructor(
    { server }: Scenario,
    clock: SimulatedClock,
    network: Network,
    onRequest: (request: SentRequest) => void,
  ) {
    const { delayedEvents, maxDelayMs = 86_400_000, latencyMs, syncMs } = server;
    super({
      latencyMs,
      syncMs,
      delayedEvents: delayedEvents && { maxDelayMs },
      stickyEvents: true,
      requestLimit: Infinity,
    });
    this.clock = clock;
    this.syncMs = syncMs;
    this.network = network;
    this.#onRequest = onRequest;
  }

  /** The time by its own clock. */
  override now(): number {
    return this.clock.as(this.clock.server, () => Date.now());
  }

  get links(): Iterable<DeviceLink> {
    return this.#byDevice.values();
  }

  /** Logs a device in, which then syncs by the rules of the simulation. */
  link(device: number, userId: string, deviceId: string): DeviceLink {
    const virtual = this.logIn(userId, deviceId);
    const link = new DeviceLink(this, device, virtual);
    this.#byDevice.set(virtual, link);
    return link;
  }

  override request<T>(from: DeviceRecord, draft: RequestDraft, act: () => T): Observable<T> {
    const { device } = this.#byDevice.get(from)!;
    return new Observable<T>((subscriber) => {
      const page = this.clock.life;
      const sentMs = this.clock.ms;
      this.#onRequest({ device, ...draft });
      const { upMs, downMs, error, acts } = this.network.fateOf(device, draft.request);
      if (upMs === undefined) return;
      this.clock.after(this.clock.server, upMs, () => {
        let failure: unknown = error;
        let value: T | undefined;
        if (acts)
          try {
            this.actor = page;
            value = act();
          } catch (refusal) {
            failure ??= refusal;
          } finally {
            this.actor = undefined;
          }
        if (downMs === undefined) return;
        this.clock.after(page, downMs, () => {
          this.#noteAnswer(page, draft.request, sentMs, failure, value);
          if (failure !== undefined) return subscriber.error(failure);
          subscriber.next(value as T);
          subscriber.complete();
        });
      });
    });
  }

  /** What a page knows about its delayed leave, by the answers that it got. */
  guardOf(page: Life): Guard {
    let guard = this.#guards.get(page);
    if (!guard)
      this.#guards.set(
        page,
        (guard = { untilMs: -Infinity, delayMs: 0, isUnsupported: false, gone: 0, sent: 0, unanswered: 0 }),
      );
    return guard;
  }

  /** Sends a delayed event: of its own accord, unless a page asks for it. */
  protected override fire(sender: string, event: OutgoingEvent): void {
    const page = this.#schedulers.get(leaveKeyOf(event));
    if (page && !this.actor) this.noteSent(page);
    super.fire(sender, event);
  }

  /** The server has sent the delayed leave of a page, or it looks so to the page. */
  noteSent(page: Life): void {
    if (page.state === "dead") return;
    const guard = this.guardOf(page);
    guard.sent += 1;
    guard.isUnsupported ||= guard.sent >= 2;
  }

  #noteAnswer(page: Life, kind: RequestKind, sentMs: number, failure: unknown, value: unknown): void {
    const guard = this.guardOf(page);
    if (kind === "delayed-events" && value === false) guard.isUnsupported = true;
    if (kind !== "schedule" && kind !== "restart") return;
    if (failure === undefined) {
      if (kind === "restart") guard.gone = guard.unanswered = 0;
      else if (guard.untilMs > -Infinity && guard.untilMs <= sentMs) guard.unanswered += 1;
      guard.untilMs = Math.max(guard.untilMs, sentMs + guard.delayMs);
      return;
    }
    const isPassing = failure instanceof MatrixError && passing.has(failure.kind);
    // After two in a row that are gone, a page does without.
    if (kind === "restart" && isGone(failure)) guard.isUnsupported ||= (guard.gone += 1) >= 2;
    // A server that refuses to manage delayed events for good counts as one without them.
    if (!isPassing && !(kind === "restart" && isGone(failure))) guard.isUnsupported = true;
  }

  override schedule(userId: string, event: OutgoingEvent, delayMs: number): string {
    if (this.network.isOn("no-delayed-events")) throw new MatrixError("unsupported", "no delayed events here");
    if (this.actor) {
      this.guardOf(this.actor).delayMs = delayMs;
      this.#schedulers.set(leaveKeyOf(event), this.actor);
    }
    return super.schedule(userId, event, delayMs);
  }
}

/** A device as the server sees it: what it has not synced yet, and the page that it runs. */
export class DeviceLink {
  readonly device: number;
  readonly #server: SimulatedServer;
  readonly #virtual: DeviceRecord;
  #page: Life | undefined;
  #waiting: SyncChange[] = [];
  /** What is on its way to the page. */
  #underWay: SyncChange[] | undefined;
  #wasCut = false;
  /** How many sync responses its pages have received. */
  received = 0;

  constructor(server: SimulatedServer, device: number, virtual: DeviceRecord) {
    this.#server = server;
    this.device = device;
    this.#virtual = virtual;
    Object.assign(virtual, { enqueue: (change: SyncChange) => this.#enqueue(change), sync: () => this.sync() });
  }

  get synced(): SyncedRooms {
    return this.#virtual.synced;
  }

  /** Nothing waits, and nothing is on its way. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay === undefined;
  }

  /** Starts a page: it knows nothing but what its first sync has. */
  open(page: Life): void {
    const { userId } = this.#virtual;
    this.#page = page;
    const unread = [...(this.#underWay ?? []), ...this.#waiting].filter(({ kind }) => kind === "message");
    this.#underWay = undefined;
    this.#waiting = unread;
    const { clock } = this.#server;
    const synced = new SyncedRooms(userId, {
      now: () => clock.as(page, () => Date.now()),
      serverNow: () => this.#server.now(),
    });
    Object.assign(this.#virtual, { synced });
    clock.as(page, () => synced.ingest(this.#server.rooms.joinedBy(userId)));
    this.sync();
  }

  close(): void {
    this.#page = undefined;
  }

  /** Begins a sync response, if something is waiting and the device can sync. */
  sync(): void {
    if (!this.#page || this.#underWay || (this.#waiting.length === 0 && !this.#wasCut)) return;
    const { clock, network } = this.#server;
    const page = this.#page;
    const fate = network.syncFateOf(this.device);
    if (!fate) {
      this.#wasCut = true;
      return;
    }
    this.#underWay = [];
    clock.after(clock.server, this.#server.syncMs + fate.lateMs, () => {
      if (this.#page !== page) return;
      const stillGoes = network.syncFateOf(this.device) !== undefined;
      if (!stillGoes) {
        this.#underWay = undefined;
        this.#wasCut = true;
        return;
      }
      const response = fate.isGap ? this.#afterGap(this.#waiting) : this.#waiting;
      this.#underWay = response;
      this.#waiting = [];
      const isBack = this.#wasCut;
      this.#wasCut = false;
      clock.after(page, 0, () => {
        if (this.#page !== page) return;
        this.received += 1;
        this.#virtual.synced.ingest(response, isBack);
        if (fate.isTwice) this.#virtual.synced.ingest(response.filter(({ kind }) => kind !== "message"));
        this.#underWay = undefined;
        clock.as(clock.server, () => this.sync());
      });
    });
  }

  #enqueue(change: SyncChange): void {
    const { clock, network } = this.#server;
    const lateMs = change.kind === "message" ? network.messageLateMs(this.device) : 0;
    if (lateMs === undefined) return;
    const add = () => {
      this.#waiting.push(change);
      this.sync();
    };
    if (lateMs === 0) add();
    else clock.after(clock.server, lateMs, add);
  }

  /** Events are missed: the rooms come as a whole. */
  #afterGap(changes: readonly SyncChange[]): SyncChange[] {
    const rooms = this.#server.rooms.joinedBy(this.#virtual.userId);
    return [...changes.filter(({ kind }) => kind === "message"), ...rooms];
  }
}
