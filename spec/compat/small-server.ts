// SmallServer: a client and a room of the SDK by their shape, over a server with delayed events. What a session emits, in words.
import { EventEmitter } from "node:events";
import { ConnectionError, MatrixError, type MatrixEvent } from "matrix-js-sdk";
import type { CallMembership, MatrixRTCSession } from "matrixrtc-rx/compat";
import { mockEvent, stateType } from "./mocks.ts";
import { quiet, type Names } from "./sides.ts";

export const alice = "@alice:example.org";
const roomId = "!room:example.org";
/** Each request takes this time, and each event this time more until it is in the room. */
const latencyMs = 10;
const syncMs = 20;

export type Trouble = "network" | "rate-limited" | "not-found" | "never answered";

function errorOf(trouble: Trouble): Error {
  if (trouble === "network") return new ConnectionError("no connection");
  if (trouble === "not-found") return new MatrixError({ errcode: "M_NOT_FOUND" }, 404);
  return new MatrixError({ errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 700 }, 429);
}

interface Delayed {
  readonly delayMs: number;
  readonly send: () => void;
  timer: NodeJS.Timeout;
}

export class SmallServer {
  /**
   * What the session and its manager have emitted. Without our own keys, which the facade emits earlier, and without the keys that
   * the original still emits after a leave.
   */
  readonly seen: string[] = [];
  readonly session: MatrixRTCSession;
  /** The next requests of some methods fail. */
  readonly troubles: { readonly methods: RegExp; readonly trouble: Trouble; count: number }[] = [];
  readonly #client = new EventEmitter();
  readonly #room = new EventEmitter();
  readonly #state = new Map<string, MatrixEvent>();
  readonly #delayed = new Map<string, Delayed>();
  #idCount = 0;

  constructor(names: Names) {
    const state = {
      getStateEvents: (type: string, key?: string) => {
        const events = type === stateType ? this.#state : new Map<string, MatrixEvent>();
        return key === undefined ? [...events.values()] : (events.get(key) ?? null);
      },
    };
    Object.assign(this.#room, {
      roomId,
      getVersion: () => "11",
      hasMembershipState: () => true,
      getLiveTimeline: () => ({ getState: () => state }),
      _unstable_getStickyEvents: () => [],
    });
    Object.assign(this.#client, this.#requests(), {
      getUserId: () => alice,
      getDeviceId: () => "PHONE",
      getRooms: () => [this.#room],
      getRoom: () => this.#room,
    });
    const manager = new names.MatrixRTCSessionManager(quiet as never, this.#client as never);
    manager.on("session_started", () => this.#note("started"));
    manager.on("session_ended", () => this.#note("ended"));
    manager.start();
    this.session = manager.getRoomSession(this.#room as never);
    this.#listen();
  }

  /** Another user's device joins, for an hour, or leaves. */
  other(userId: string, isIn: boolean): void {
    const joined = {
      application: "m.call",
      call_id: "",
      device_id: "LAPTOP",
      expires: 36e5,
      focus_active: {
        type: "livekit",
        focus_selection: "multi_sfu",
      },
      foci_preferred: [
        {
          type: "livekit",
          livekit_service_url: "https://sfu.example.org",
        },
      ],
    };
    this.#put(userId, `_${userId}_LAPTOP_m.call`, isIn ? joined : {});
  }

  /** A media key of another user's device arrives. */
  key(userId: string, index: number): void {
    const content = {
      keys: { index, key: "AAAAAAAAAAAAAAAAAAAAAA==" },
      room_id: roomId,
      member: { claimed_device_id: "LAPTOP", id: `${userId}:LAPTOP` },
      session: { application: "m.call", call_id: "", scope: "m.room" },
      sent_ts: Date.now(),
    };
    const type = "io.element.call.encryption_keys";
    this.#client.emit("toDeviceEvent", mockEvent(type, { user_id: userId, ...content }));
  }

  #note(word: string): void {
    this.seen.push(word);
  }

  #listen(): void {
    const listed = (members: readonly CallMembership[]) =>
      members.map(({ userId, callIntent }) => `${userId}${callIntent ? ` (${callIntent})` : ""}`).join("+");
    const { session } = this;
    session.on("memberships_changed", (old, now) => this.#note(`members ${listed(old)} -> ${listed(now)}`));
    session.on("join_state_changed", (isJoined) => this.#note(`joined ${isJoined} ${session.isJoined()}`));
    session.on("encryption_key_changed", (key, index, { userId, deviceId, memberId }, identity) => {
      if (userId !== alice && session.isJoined())
        this.#note(`key ${key.length} ${index} ${userId} ${deviceId} ${memberId} ${identity}`);
    });
    session.on("membership_manager_error", (error) => this.#note(String(error)));
    session.on("did_send_call_notification", (content) => this.#note(`notified ${JSON.stringify(content)}`));
    session.on("key_rotation_suppressed_changed", (isSuppressed) => this.#note(`suppressed ${isSuppressed}`));
    session.on("StatusChanged", (before, status) => this.#note(`status ${before} ${status} ${session.isJoined()}`));
    session.on("ProbablyLeft", (probablyLeft) => this.#note(`probably left ${probablyLeft}`));
    session.on("DelayIdChanged", (delayId) => this.#note(`delay id ${delayId ? "set" : "gone"}`));
  }

  /** The methods of the client that send. */
  #requests() {
    const schedule = (delayMs: number, send: () => void) => {
      const delayId = `delay${(this.#idCount += 1)}`;
      this.#delayed.set(delayId, { delayMs, send, timer: setTimeout(() => this.#end(delayId)(), delayMs) });
      return { delay_id: delayId };
    };
    const restart = (delayId: string) => {
      const { delayMs } = this.#taken(delayId);
      const delayed = this.#delayed.get(delayId)!;
      delayed.timer = setTimeout(() => this.#end(delayId)(), delayMs);
      return {};
    };
    const cancel = (delayId: string) => {
      this.#taken(delayId);
      this.#delayed.delete(delayId);
      return {};
    };
    const sendNow = (delayId: string) => {
      this.#taken(delayId);
      this.#end(delayId)();
      return {};
    };
    const methods: Record<string, (...args: never[]) => object> = {
      sendEvent: () => ({ event_id: "$sent" }),
      sendStateEvent: (_: string, __: string, content: object, key: string) => ({
        event_id: this.#put(alice, key, content),
      }),
      _unstable_sendDelayedStateEvent: (
        _: string,
        { delay }: { delay: number },
        __: string,
        content: object,
        key: string,
      ) => schedule(delay, () => this.#put(alice, key, content)),
      _unstable_sendStickyEvent: () => ({ event_id: "$notification" }),
      _unstable_cancelScheduledDelayedEvent: cancel,
      _unstable_restartScheduledDelayedEvent: restart,
      _unstable_sendScheduledDelayedEvent: sendNow,
      encryptAndSendToDevice: () => ({}),
    };
    return Object.fromEntries(
      Object.entries(methods).map(([name, act]) => [
        name,
        (...args: never[]) => this.#answer(name, () => act(...args)),
      ]),
    );
  }

  #answer(name: string, act: () => object): Promise<object> {
    const trouble = this.troubles.find(({ methods, count }) => methods.test(name) && count > 0);
    if (trouble) trouble.count -= 1;
    return new Promise((resolve, reject) => {
      if (trouble?.trouble === "never answered") return;
      setTimeout(() => {
        try {
          if (trouble) throw errorOf(trouble.trouble);
          resolve(act());
        } catch (error) {
          reject(error as Error);
        }
      }, latencyMs);
    });
  }

  /** A delayed event that is still there. Its timer is stopped. */
  #taken(delayId: string): Delayed {
    const delayed = this.#delayed.get(delayId);
    if (!delayed) throw errorOf("not-found");
    clearTimeout(delayed.timer);
    return delayed;
  }

  #end(delayId: string): () => void {
    const { send } = this.#delayed.get(delayId)!;
    return () => {
      this.#delayed.delete(delayId);
      send();
    };
  }

  #put(userId: string, key: string, content: object): string {
    const event = mockEvent(stateType, { ...content, user_id: userId });
    setTimeout(() => {
      this.#state.set(key, event);
      this.#room.emit("RoomState.events", event);
      this.#client.emit("RoomState.events", event);
    }, syncMs);
    return event.getId()!;
  }
}
