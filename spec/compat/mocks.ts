// Mocks: clients, rooms and events as suites for the original make them: plain objects with few methods.
import { EventEmitter } from "node:events";
import type { MatrixEvent, Room } from "matrix-js-sdk";
import { vi } from "vitest";
import type { RtcMembershipData, SessionMembershipData } from "matrixrtc-rx/compat";

export const stateType = "org.matrix.msc3401.call.member";
export const stickyType = "org.matrix.msc4143.rtc.member";
export const slotType = "org.matrix.msc4143.rtc.slot";

export const alice = "@alice:example.org";
export const bob = "@bob:example.org";

export const stateContent: SessionMembershipData & { user_id: string } = {
  user_id: bob,
  application: "m.call",
  call_id: "",
  device_id: "BOBPHONE",
  scope: "m.room",
  focus_active: { type: "livekit", focus_selection: "oldest_membership" },
  foci_preferred: [
    { type: "livekit", livekit_service_url: "https://one.example.org", livekit_alias: "!alias:example.org" },
    { type: "livekit", livekit_service_url: "https://two.example.org", livekit_alias: "!alias:example.org" },
  ],
};

export const stickyContent: RtcMembershipData & { user_id: string } = {
  user_id: bob,
  slot_id: "m.call#ROOM",
  application: { type: "m.call" },
  member: { user_id: bob, device_id: "BOBPHONE", id: "bob-in-this-call" },
  transports: { published: [{ type: "livekit", livekit_service_url: "https://one.example.org" }], can_subscribe: [] },
  versions: [],
  msc4354_sticky_key: "bob-in-this-call",
};

let eventCount = 0;

/** An event. The sender is `user_id` of its content. */
export function mockEvent(type: string, withSender: object, ts: number = Date.now()): MatrixEvent {
  const { user_id: sender, ...content } = withSender as Readonly<Record<string, unknown>>;
  const eventId = `$event${(eventCount += 1)}`;
  return {
    getType: vi.fn(() => type),
    getContent: vi.fn(() => content),
    getSender: vi.fn(() => sender),
    getTs: vi.fn(() => ts),
    getId: vi.fn(() => eventId),
    getRoomId: vi.fn(() => "!room:example.org"),
    getStateKey: vi.fn(() => `_${String(sender)}_${String(content["device_id"])}`),
    isDecryptionFailure: vi.fn(() => false),
    unstableStickyExpiresAt: type === stickyType ? Date.now() + 3_600_000 : undefined,
  } as unknown as MatrixEvent;
}

/** A room with these memberships. `show` replaces them. */
export class MockRoom extends EventEmitter {
  readonly roomId: string;
  readonly hasMembershipState = vi.fn<(user: string, membership: string) => boolean>(() => true);
  readonly getVersion = vi.fn(() => "default");
  readonly getLiveTimeline = vi.fn(() => ({ getState: () => this.#state }) as never);
  readonly _unstable_getStickyEvents = vi.fn(() => this.#sticky);
  #events: MatrixEvent[] = [];
  #sticky: MatrixEvent[] = [];
  readonly #slots: MatrixEvent[] = [];
  readonly #state = {
    getStateEvents: (type: string, stateKey?: string) => {
      const events = type === stateType ? this.#events : this.#slots;
      return stateKey === undefined ? events : events.find((event) => event.getStateKey() === stateKey);
    },
  };

  constructor(contents: readonly object[] = [], roomId = "!room:example.org") {
    super();
    this.roomId = roomId;
    this.show(contents);
  }

  /** As a Room, for the types. */
  get asRoom(): Room {
    return this as unknown as Room;
  }

  show(contents: readonly object[]): void {
    this.#events = contents
      .filter((content) => !("slot_id" in content))
      .map((content) => mockEvent(stateType, content));
    this.#sticky = contents.filter((content) => "slot_id" in content).map((content) => mockEvent(stickyType, content));
  }

  setSlot(slotId: string, content: object): void {
    const event = mockEvent(slotType, content);
    vi.mocked(event.getStateKey).mockReturnValue(slotId);
    this.#slots.push(event);
  }

  get memberEvents(): readonly MatrixEvent[] {
    return [...this.#events, ...this.#sticky];
  }
}

/** A request that succeeds. */
const answering = (answer: unknown) => vi.fn<(...given: unknown[]) => Promise<unknown>>(async () => answer);

/** A client with the methods that a session needs. Every request succeeds. */
export class MockClient extends EventEmitter {
  readonly getUserId = vi.fn((): string | null => alice);
  readonly getDeviceId = vi.fn((): string | null => "PHONE");
  readonly sendEvent = answering({ event_id: "$sent" });
  readonly sendStateEvent = answering({ event_id: "$state" });
  readonly cancelPendingEvent = vi.fn();
  readonly encryptAndSendToDevice = answering({});
  readonly decryptEventIfNeeded = vi.fn(async () => {});
  readonly _unstable_sendDelayedStateEvent = answering({ delay_id: "id" });
  readonly _unstable_updateDelayedEvent = answering({});
  readonly _unstable_cancelScheduledDelayedEvent = answering({});
  readonly _unstable_restartScheduledDelayedEvent = answering({});
  readonly _unstable_sendScheduledDelayedEvent = answering({});
  readonly _unstable_sendStickyEvent = answering({ event_id: "$sticky" });
  readonly _unstable_sendStickyDelayedEvent = answering({ delay_id: "id" });
  readonly getRooms = vi.fn((): Room[] => []);
  readonly getRoom = vi.fn<(roomId: string) => Room | null>(() => null);
}

/** Lets promises settle, WebCrypto's included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A focus of LiveKit. */
export const focus = {
  type: "livekit",
  livekit_service_url: "https://active.example.org",
  livekit_alias: "!active:example.org",
};
