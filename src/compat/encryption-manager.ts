// RTCEncryptionManager: media keys with the names of matrix-js-sdk 43, over our exchange of keys. protocol.md 5.
import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  from,
  map,
  mergeMap,
  type Observable,
  of,
  Subject,
  Subscription,
} from "rxjs";
import { deviceKey } from "../keys/device.ts";
import type { ExchangeEffect } from "../keys/effects.ts";
import { type CallNow, Exchange, type ExchangeInput } from "../keys/exchange.ts";
import type { Delivery } from "../keys/delivery.ts";
import { resolveRotation, type RotationPolicy } from "../keys/rotation.ts";
import type { ToDeviceOutcome } from "../matrix.ts";
import { byAge } from "../membership/order.ts";
import { fromBase64, toBase64 } from "../room/base64.ts";
import { runMachine } from "../rx/machine.ts";
import type { EncryptionKey, Membership, OwnMember } from "../types.ts";
import type { CallMembership } from "./call-membership.ts";
import { childLog, type CompatLog, type LoggerSubset } from "./compat-log.ts";
import { keysOf } from "./join-config.ts";
import type { KeyTransport } from "./key-transport.ts";
import { computeRtcIdentityRaw } from "./membership-content.ts";
import type {
  CallMembershipIdentityParts,
  EncryptionConfig,
  EncryptionKeyInfo,
  EncryptionKeyMapKey,
  MembershipConfig,
} from "./original-types.ts";
import type { KeyTransportEventListener } from "./rtc-events.ts";
import { stableMembers, toldMember, toldSelf } from "./told-members.ts";

/**
 * The name of a member in the map of `getEncryptionKeys`.
 *
 * @example
 * ```ts
 * import { getEncryptionKeyMapKey } from "matrixrtc-rx/compat";
 *
 * const id = getEncryptionKeyMapKey({ userId: "@alice:example.org", deviceId: "PHONE", memberId: "uuid" });
 * console.assert(id === "@alice:example.org:PHONE(uuid)");
 * ```
 */
export function getEncryptionKeyMapKey({
  userId,
  deviceId,
  memberId,
}: CallMembershipIdentityParts): EncryptionKeyMapKey {
  return `${userId}:${deviceId}(${memberId})`;
}

/** Takes a key to install: the key, its index, its member, and the LiveKit identity of that member. */
export type OnEncryptionKeysChanged = (
  key: Uint8Array<ArrayBuffer>,
  keyIndex: number,
  membership: CallMembershipIdentityParts,
  rtcBackendIdentity: string,
) => void;

/** As many keys as there are indexes: a member that floods us with keys fills no more. */
const mostKeysOfMember = 256;

const isKeyIndex = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < mostKeysOfMember;

/** Makes, sends and takes media keys over a transport. A session does this by itself, over its own port. */
export class RTCEncryptionManager {
  readonly #own: CallMembershipIdentityParts;
  readonly #getMemberships: () => CallMembership[];
  /** How keys travel. */
  protected readonly transport: KeyTransport;
  readonly #onKey: OnEncryptionKeysChanged;
  readonly #identityOf: (userId: string, deviceId: string, memberId: string) => Promise<string> | string;
  readonly #log: CompatLog | undefined;
  readonly #rings = new Map<EncryptionKeyMapKey, EncryptionKeyInfo[]>();
  /** The members of the senders of keys, as their messages name them. */
  readonly #senders = new Map<string, CallMembershipIdentityParts>();
  /** The members at the last look: a member that did not change stays the same object. */
  #members: ReadonlyMap<string, Membership> = new Map();
  #input$ = new Subject<ExchangeInput>();
  #running = new Subscription();
  #config: (EncryptionConfig & MembershipConfig) | undefined;
  #self: OwnMember | undefined;
  #isStarted = false;
  #receivedCount = 0;

  /** @param rtcBackendIdProvider Makes the LiveKit identity of a sticky member. Default: its hash. */
  constructor(
    ownMembership: CallMembershipIdentityParts,
    getMemberships: () => CallMembership[],
    transport: KeyTransport,
    onEncryptionKeysChanged: OnEncryptionKeysChanged,
    parentLogger?: LoggerSubset,
    rtcBackendIdProvider: (
      userId: string,
      deviceId: string,
      memberId: string,
    ) => Promise<string> | string = computeRtcIdentityRaw,
  ) {
    this.#own = ownMembership;
    this.#getMemberships = getMemberships;
    this.transport = transport;
    this.#onKey = onEncryptionKeysChanged;
    this.#identityOf = rtcBackendIdProvider;
    this.#log = parentLogger && childLog(parentLogger, "[EncryptionManager]");
  }

  /** Whether the call has too many members for a new key. */
  get isKeyRotationSuppressed(): boolean {
    const { manageMediaKeys = true, keyRotationParticipantLimit: limit } = this.#config ?? {};
    if (!this.#config || !manageMediaKeys || limit === undefined) return false;
    return this.#getMemberships().length >= limit;
  }

  /** Begins to take keys. Our first key is made at the first `onMembershipsUpdate`. */
  join(joinConfig: (EncryptionConfig & MembershipConfig) | undefined): void {
    this.#config = joinConfig ?? {};
    this.#isStarted = false;
    this.transport.on("received_keys", this.onNewKeyReceived);
    this.transport.start();
    if (this.#config.manageMediaKeys === false) return;
    const { userId, deviceId, memberId } = this.#own;
    if (!this.#config.unstableSendStickyEvents) return this.#run(`${userId}:${deviceId}`);
    const running = (this.#running = new Subscription());
    void Promise.resolve(this.#identityOf(userId, deviceId, memberId)).then((identity) => {
      if (!running.closed) this.#run(identity);
    });
  }

  /** Stops to send and to take keys, and forgets them. */
  leave(): void {
    this.transport.off("received_keys", this.onNewKeyReceived);
    this.transport.stop();
    this.#running.unsubscribe();
    this.#self = undefined;
    this.#rings.clear();
  }

  /** Takes the members of the call: makes, sends and changes our key as that asks for. */
  onMembershipsUpdate(_before: CallMembership[] = []): void {
    const isFirst = !this.#isStarted;
    this.#isStarted = true;
    if (isFirst) this.#input$.next({ kind: "start" });
    this.#input$.next({ kind: "look" });
  }

  /** The known keys of each member, the newest 256. Secrets. */
  getEncryptionKeys(): ReadonlyMap<EncryptionKeyMapKey, readonly EncryptionKeyInfo[]> {
    return new Map(this.#rings);
  }

  /** Takes a key from the transport. */
  onNewKeyReceived: KeyTransportEventListener = (membership, keyBase64Encoded, keyIndex, timestamp) => {
    const { userId, deviceId, memberId } = membership;
    const key = fromBase64(keyBase64Encoded);
    if (!this.#self || !key || !isKeyIndex(keyIndex)) {
      this.#log?.warn?.(`Received key from ${userId}:${deviceId} at index ${keyIndex} that is not wanted`);
      return;
    }
    const now = asyncScheduler.now();
    this.#senders.set(deviceKey(membership), membership);
    // If two keys come at the same time, the later one counts.
    const sentTs = timestamp + this.#receivedCount++ / 1e6;
    const verified = { userId, deviceId, memberId, keyIndex, key, sentTs, receivedTs: now };
    const verification = { verified: { ...verified, wantsKey: false, reach: 1, isSlotUnknown: false } };
    this.#input$.next({ kind: "message", verification });
  };

  #run(participantIdentity: string): void {
    const kind = this.#config?.unstableSendStickyEvents ? "sticky" : "state";
    const self: OwnMember = { kind, ...this.#own, participantIdentity };
    this.#self = self;
    const exchange = new Exchange(self, this.#policy(), {
      newKey: () => crypto.getRandomValues(new Uint8Array(16)),
      isInRoom: () => true,
      isRemoved: () => false,
      now: asyncScheduler.now(),
    });
    this.#input$ = new Subject();
    this.#running = runMachine<Exchange, ExchangeInput, ExchangeEffect>({
      initial: exchange,
      step: (state, input, now) => ({ state, effects: state.step(input, this.#call(self), now) }),
      inputs$: this.#input$,
      perform: (effect) => this.#perform(effect),
      dueTs: ({ dueTs }) => dueTs,
      due: { kind: "look" },
      isOver: () => false,
    }).subscribe();
    if (this.#isStarted) {
      this.#input$.next({ kind: "start" });
      this.#input$.next({ kind: "look" });
    }
  }

  /** The limit counts members, and not users, as in the original. */
  #policy(): RotationPolicy {
    const isSuppressed = () => this.isKeyRotationSuppressed;
    const policy = resolveRotation(keysOf(this.#config ?? {}).rotation);
    return {
      ...policy,
      maxCoalesceMs: 0,
      get participantLimit() {
        return isSuppressed() ? 1 : Infinity;
      },
    };
  }

  /** The call as the exchange sees it. We are in it from the first update on, whether or not the room shows us. */
  #call(self: OwnMember): CallNow {
    const others = this.#getMemberships().filter(
      ({ sender, deviceId }) => sender !== self.userId || deviceId !== self.deviceId,
    );
    const members = [...(this.#isStarted ? [toldSelf(self)] : []), ...others.map(toldMember)];
    this.#members = stableMembers(members, this.#members);
    return { members: [...this.#members.values()].toSorted(byAge), rejections: () => [] };
  }

  #perform(effect: ExchangeEffect): Observable<ExchangeInput> | undefined {
    if (effect.kind === "key") this.#install(effect.key);
    return effect.kind === "send" && !effect.delivery.wantsKey ? this.#send(effect.delivery) : undefined;
  }

  #install({ key, keyIndex, own, participantIdentity, ...ids }: EncryptionKey): void {
    const { userId, deviceId, memberId } = ids;
    const sender = this.#senders.get(deviceKey(ids)) ?? { userId, deviceId, memberId };
    const membership = own ? this.#own : sender;
    const id = getEncryptionKeyMapKey(membership);
    const info = { key, keyIndex, membership, rtcBackendIdentity: participantIdentity };
    this.#rings.set(id, [...(this.#rings.get(id) ?? []), info].slice(-mostKeysOfMember));
    this.#onKey(key, keyIndex, membership, participantIdentity);
  }

  #send(delivery: Delivery): Observable<ExchangeInput> {
    const { key, devices } = delivery;
    const wanted = new Set(devices.map(deviceKey));
    const members = this.#getMemberships()
      .filter(({ sender: userId, deviceId }) => wanted.has(deviceKey({ userId, deviceId })))
      .map((member) => ({ userId: member.sender, deviceId: member.deviceId, membershipTs: member.createdTs() }));
    if (members.length === 0) return EMPTY;
    return defer(() => from(Promise.resolve(this.transport.sendKey(toBase64(key.key), key.keyIndex, members)))).pipe(
      map((): ToDeviceOutcome["outcome"] => "sent"),
      catchError((error: unknown) => {
        this.#log?.error?.("Failed to rollout key", error);
        return of("failed" as const);
      }),
      mergeMap((outcome) =>
        devices.map((device): ExchangeInput => ({ kind: "delivery", delivery, result: { ...device, outcome } })),
      ),
    );
  }
}
