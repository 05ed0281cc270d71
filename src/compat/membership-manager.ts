// MembershipManager: our own membership, with the methods and events of matrix-js-sdk's manager, over `session.join`.
import type { MatrixEvent } from "matrix-js-sdk";
import { BehaviorSubject, merge, mergeMap, type Observable, Subject, throwError, timer } from "rxjs";
import { RtcError } from "../errors.ts";
import { type JoinOptions, resolveJoinOptions } from "../join/options.ts";
import type { JoinState } from "../join/join-state.ts";
import { ownMembership } from "../join/join.ts";
import type { JoinTrace } from "../join/trace.ts";
import { behavior } from "../rx/behavior.ts";
import type { SessionContext } from "../session-context.ts";
import type { Application, Membership, Slot } from "../types.ts";
import { CallMembership, isMyMembership } from "./call-membership.ts";
import { endOfJoin } from "./compat-errors.ts";
import { childLog, type CompatLog, type LoggerSubset } from "./compat-log.ts";
import { CompatPort } from "./compat-port.ts";
import { isDeepEqual } from "./deep-equal.ts";
import { Emitter } from "./emitter.ts";
import { fociOf, type Renewal, retryLimitsOf, timingOf } from "./join-config.ts";
import {
  type ClientSubset,
  type JoinSessionConfig,
  type RoomSubset,
  type RTCCallIntent,
  type SlotDescription,
  Status,
  type Transport,
} from "./original-types.ts";
import type { MembershipManagerEventHandlerMap } from "./rtc-events.ts";
import { emptyStatistics } from "./rtc-statistics.ts";
import { roomCall, slotToJoin } from "./slot-description.ts";
import { stableMembers, toldMember } from "./told-members.ts";

/** The call that a manager joins. */
export interface ManagedCall {
  readonly port: CompatPort;
  join(options: JoinOptions): Observable<JoinState>;
}

/** Our own membership of a call. A session makes one for each join. */
export class MembershipManager extends Emitter<MembershipManagerEventHandlerMap> {
  /** Where the call happens. */
  readonly slotDescription: SlotDescription;
  /** What is known of our membership at the server. */
  protected readonly state: { probablyLeft: boolean; delayId: string | undefined };
  readonly #config: JoinSessionConfig;
  readonly #log: CompatLog;
  readonly #call: ManagedCall;
  readonly #userId: string;
  readonly #deviceId: string;
  readonly #intent$: BehaviorSubject<string | undefined>;
  readonly #application$: BehaviorSubject<Application>;
  readonly #leave$ = new Subject<void>();
  /** The events of the members that a manager without a session knows. */
  #told: readonly MatrixEvent[] = [];
  #isAlone = false;
  #isRunning = false;
  #isActivated = false;
  #status: Status = Status.Disconnected;
  #ownMembership: CallMembership | undefined;
  #leaving: PromiseWithResolvers<boolean> | undefined;

  /**
   * @param call The call of a session. Without it, the manager learns from `onRTCSessionMemberUpdate` alone who is in the call.
   * @throws Error if the client has no user id or no device id.
   */
  constructor(
    joinConfig: JoinSessionConfig | undefined,
    room: RoomSubset,
    client: ClientSubset,
    slotDescription: SlotDescription = roomCall,
    parentLogger?: LoggerSubset,
    call?: ManagedCall,
  ) {
    super();
    this.#config = joinConfig ?? {};
    this.slotDescription = "application" in slotDescription ? slotDescription : roomCall;
    this.#log = childLog(parentLogger, "[MembershipManager]");
    this.#call = call ?? this.#alone(client, room);
    const { matrix, delayId$, joins } = this.#call.port;
    this.#userId = matrix.userId;
    this.#deviceId = matrix.deviceId;
    this.state = { probablyLeft: false, delayId: undefined };
    const { callIntent, applicationData } = this.#config;
    this.#intent$ = new BehaviorSubject<string | undefined>(callIntent);
    this.#application$ = new BehaviorSubject(this.#applicationOf(applicationData));
    delayId$.subscribe((delayId) => joins.values().next().value === this && this.#setDelayId(delayId));
  }

  /** Whether we want to be in the call. */
  isActivated(): boolean {
    return this.#isActivated;
  }

  /** The same as `isActivated`. */
  isJoined(): boolean {
    return this.#isActivated;
  }

  /** The status of our membership. */
  get status(): Status {
    return this.#status;
  }

  /** Our membership as the room shows it. */
  get ownMembership(): CallMembership | undefined {
    return this.#ownMembership;
  }

  /** Whether the server has probably sent our leave, because it heard nothing from us. */
  get probablyLeft(): boolean {
    return this.state.probablyLeft;
  }

  /** The id of our delayed leave. A secret. */
  get delayId(): string | undefined {
    return this.state.delayId;
  }

  /**
   * Joins. The first request leaves within this call.
   *
   * @param onError Gets the error that ends the join. Its causes end with the error of the client.
   */
  join(fociPreferred: Transport[], multiSfuFocus?: Transport, onError?: (error: unknown) => void): void {
    if (this.#isRunning) {
      this.#log.error?.("MembershipManager is already running. Ignoring join request.");
      return;
    }
    const { port } = this.#call;
    const { transports, mode } = fociOf(fociPreferred, multiSfuFocus, this.#config);
    const timing = timingOf(this.#config);
    const { expiryMs } = this.#isAlone ? this.#exactTiming() : timing;
    const { slotDescription } = this;
    this.#isRunning = true;
    this.#isActivated = true;
    this.#leaving = undefined;
    this.state.probablyLeft = false;
    this.state.delayId = undefined;
    port.joins.add(this);
    port.begin({ slotDescription, transports, expiryMs, limits: retryLimitsOf(this.#config) });
    const failure$ = port.failed$.pipe(mergeMap((cause) => throwError(() => failed(cause))));
    const options: JoinOptions = {
      mode,
      transports: transports.filter(({ type }) => type !== "m.livekit"),
      application: this.#application$,
      intent: this.#intent$,
      leaveOn: merge(this.#leave$, failure$),
      timing,
      ...this.ownId(),
    };
    this.#call.join(options).subscribe({
      next: (state) => this.#onState(state),
      // In the next turn, as in the original: the caller may only now add its listeners, or say that it has joined.
      error: (error: unknown) => void Promise.resolve().then(() => this.#end(error, onError)),
      complete: () => this.#end(),
    });
  }

  /**
   * Leaves.
   *
   * @param timeout How long to wait at most, in milliseconds.
   * @returns Whether the leave is through: false if it took longer than `timeout`.
   */
  leave(timeout?: number): Promise<boolean> {
    if (!this.#isRunning) {
      this.#log.warn?.("Called MembershipManager.leave() even though the MembershipManager is not running");
      return Promise.resolve(true);
    }
    if (this.#leaving) return this.#leaving.promise;
    const leaving = (this.#leaving = Promise.withResolvers<boolean>());
    this.#isActivated = false;
    if (timeout) timer(timeout).subscribe(() => leaving.resolve(false));
    this.#leave$.next();
    return leaving.promise;
  }

  /** Takes the members of the call whenever they change. */
  onRTCSessionMemberUpdate(memberships: CallMembership[]): Promise<void> {
    if (!this.#isActivated) return Promise.resolve();
    this.#ownMembership = memberships.find((member) => isMyMembership(member, this.#userId, this.#deviceId));
    if (this.#isAlone) {
      this.#told = memberships.flatMap(({ matrixEvent }) => (matrixEvent ? [matrixEvent as MatrixEvent] : []));
      const { port } = this.#call;
      if (!this.#ownMembership) port.replaceDelayedLeave();
      port.forgetEcho();
      port.changed();
    }
    return Promise.resolve();
  }

  /**
   * Changes the intent of our membership. Resolves once the server has answered.
   *
   * @throws Error before we are a member.
   */
  async updateCallIntent(callIntent: RTCCallIntent): Promise<void> {
    const own = this.#own("You cannot update your intent before joining the call");
    if (own.callIntent !== callIntent) await this.#write(() => this.#intent$.next(callIntent));
  }

  /**
   * Replaces the data of the application in our membership. Resolves once the server has answered.
   *
   * @throws Error before we are a member.
   */
  async updateApplicationData(applicationData: Record<string, unknown>): Promise<void> {
    this.#own("You cannot update your application data before joining the call");
    const application = this.#applicationOf(applicationData);
    if (!isDeepEqual(application, this.#application$.value))
      await this.#write(() => this.#application$.next(application));
  }

  /** Our own id, if the membership has one. */
  protected ownId(): Pick<JoinOptions, "memberId"> {
    return {};
  }

  /** Without a session, our membership counts as shown once it is written, until `onRTCSessionMemberUpdate` lacks it. */
  #alone(client: ClientSubset, room: RoomSubset): ManagedCall {
    this.#isAlone = true;
    const port = new CompatPort({ client, room, memberEvents: () => this.#told, statistics: emptyStatistics() });
    const { matrix } = port;
    const slot = slotToJoin(this.slotDescription);
    let members: ReadonlyMap<string, Membership> = new Map();
    const readMembers = () => {
      const told = [...this.#told, ...(port.echo ? [port.echo] : [])].map((event) =>
        toldMember(CallMembership.of(event)),
      );
      const before = members;
      members = stableMembers(told, before);
      return [...members.values()];
    };
    const context: SessionContext<JoinTrace> = {
      matrix,
      roomId: room.roomId,
      slot,
      membership$: behavior(readMembers, matrix.changes$),
      slot$: new BehaviorSubject<Slot>({ status: "absent" }),
      trace: () => {},
    };
    return {
      port,
      join: (options) => {
        const resolved = resolveJoinOptions(slot, options);
        return ownMembership(context, { ...resolved, timing: { ...resolved.timing, ...this.#exactTiming() } });
      },
    };
  }

  /** A manager without a session renews as often as the config says, also if that is more often than our joins allow. */
  #exactTiming(): Renewal {
    const { expiryMs, expiryHeadroomMs, renewalExtraMs } = timingOf(this.#config, 2_000);
    return { expiryMs, expiryHeadroomMs, renewalExtraMs };
  }

  #applicationOf(applicationData: Record<string, unknown> | undefined): Application {
    return { ...applicationData, type: this.slotDescription.application };
  }

  #own(otherwise: string): CallMembership {
    if (!this.#isActivated || !this.#ownMembership) throw new Error(otherwise);
    return this.#ownMembership;
  }

  /** Changes our membership, and waits for the write if that leaves at once. */
  async #write(change: () => void): Promise<void> {
    const { port } = this.#call;
    const { writeCount } = port;
    change();
    if (port.writeCount > writeCount) await port.lastWrite.catch(() => {});
  }

  #onState(state: JoinState): void {
    if (state.status === "joined" && state.probablyLeft !== this.state.probablyLeft) {
      this.state.probablyLeft = state.probablyLeft;
      this.emit("ProbablyLeft", state.probablyLeft);
    }
    this.#setStatus(statuses[state.status]);
  }

  #setStatus(status: Status): void {
    const before = this.#status;
    if (status === before) return;
    this.#status = status;
    this.emit("StatusChanged", before, status);
  }

  #setDelayId(delayId: string | undefined): void {
    if (delayId === this.state.delayId) return;
    this.state.delayId = delayId;
    this.emit("DelayIdChanged", delayId);
  }

  #end(error?: unknown, onError?: (error: unknown) => void): void {
    const isLate = error instanceof RtcError && error.code === "leave-timeout";
    this.#isRunning = false;
    this.#isActivated = false;
    this.#call.port.joins.delete(this);
    if (error !== undefined && !isLate) {
      const end = endOfJoin(error);
      this.#log.error?.("MembershipManager stopped because: ", end);
      onError?.(end);
    }
    this.#setStatus(Status.Disconnected);
    this.#leaving?.resolve(!isLate);
    this.#leaving = undefined;
  }
}

/** Our own membership of a call, in sticky events. */
export class StickyEventMembershipManager extends MembershipManager {
  readonly #memberId: string;

  /** @param memberId The id of our member, which also makes our LiveKit identity. */
  constructor(
    joinConfig: JoinSessionConfig | undefined,
    room: RoomSubset,
    client: ClientSubset,
    slotDescription: SlotDescription,
    memberId: string,
    parentLogger?: LoggerSubset,
    call?: ManagedCall,
  ) {
    super({ ...joinConfig, unstableSendStickyEvents: true }, room, client, slotDescription, parentLogger, call);
    this.#memberId = memberId;
  }

  protected override ownId(): Pick<JoinOptions, "memberId"> {
    return { memberId: this.#memberId };
  }
}

const statuses: Readonly<Record<JoinState["status"], Status>> = {
  joining: Status.Connecting,
  rejoining: Status.Connecting,
  joined: Status.Connected,
  leaving: Status.Disconnecting,
};

const failed = (cause: Error): RtcError => new RtcError("request-failed", cause.message, { cause });
