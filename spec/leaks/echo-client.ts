// EchoClient: a client whose requests succeed at once, whose own events come back, and which keeps no history.
import { EMPTY, of, Subject } from "rxjs";
import type { Matrix, OutgoingEvent, RoomChange, RoomEvent, StickyEvent, ToDeviceMessage } from "../../src/matrix.ts";

const memberType = "org.matrix.msc3401.call.member";

export class EchoClient implements Matrix {
  readonly userId = "@alice:example.org";
  readonly deviceId = "PHONE";
  readonly changes$ = new Subject<readonly RoomChange[]>();
  readonly toDevice$ = new Subject<ToDeviceMessage>();
  /** The delayed events that are scheduled now. */
  readonly delayed = new Set<string>();
  readonly #roomId: string;
  readonly #state = new Map<string, Map<string, RoomEvent>>();
  /** The newest sticky event of each sender and key. Leaves are kept for a while, as servers do. */
  readonly #sticky = new Map<string, StickyEvent>();
  #count = 0;

  constructor(roomId: string, users: readonly string[]) {
    this.#roomId = roomId;
    const [creator = this.userId] = users;
    this.putState("m.room.create", "", creator, { room_version: "11" });
    this.putState("m.room.encryption", "", creator, { algorithm: "m.megolm.v1.aes-sha2" });
    for (const userId of users) this.putState("m.room.member", userId, userId, { membership: "join" });
  }

  putState(type: string, stateKey: string, sender: string, content: object): string {
    const ofType = this.#state.get(type) ?? new Map<string, RoomEvent>();
    this.#state.set(type, ofType);
    const eventId = `$${(this.#count += 1)}`;
    ofType.set(stateKey, { type, stateKey, sender, eventId, originServerTs: Date.now(), content });
    this.changes$.next([{ kind: "state", roomId: this.#roomId, type, stateKey }]);
    return eventId;
  }

  rooms = () => [this.#roomId];
  hasRoom = (roomId: string) => roomId === this.#roomId;
  stateEvent = (_: string, type: string, stateKey: string) => this.#state.get(type)?.get(stateKey);
  stateEvents = (_: string, type: string) => this.#state.get(type)?.values() ?? [];
  stickyEvents = () => this.#sticky.values();
  /** Forgets the sticky events that have ended. */
  forgetEnded(): void {
    for (const [key, { originServerTs, durationMs }] of this.#sticky)
      if (originServerTs + Number(durationMs) <= Date.now()) this.#sticky.delete(key);
  }

  send = (event: OutgoingEvent) => of(this.#accept(event));
  sendToDevice: Matrix["sendToDevice"] = (devices) =>
    of(...devices.map((device) => ({ ...device, outcome: "sent" as const })));
  schedule: Matrix["schedule"] = ({ stateKey = "" }) => {
    const delayId = `${stateKey} ${(this.#count += 1)}`;
    this.delayed.add(delayId);
    return of(delayId);
  };
  updateDelayedEvent: Matrix["updateDelayedEvent"] = (delayId, action) => {
    if (action === "restart") return EMPTY;
    this.delayed.delete(delayId);
    const stateKey = delayId.slice(0, delayId.indexOf(" "));
    if (action === "send" && stateKey !== "") this.putState(memberType, stateKey, this.userId, {});
    return EMPTY;
  };
  delayedEventLimits = () => of({});

  #accept(event: OutgoingEvent): string {
    if (event.stateKey !== undefined) return this.putState(event.type, event.stateKey, this.userId, event.content);
    const eventId = `$${(this.#count += 1)}`;
    const { type, content, stickyMs } = event;
    const { userId: sender, deviceId: senderDeviceId } = this;
    const [originServerTs, receivedTs] = [Date.now(), Date.now()];
    const sticky: StickyEvent = {
      type,
      content,
      sender,
      eventId,
      originServerTs,
      receivedTs,
      senderDeviceId,
      durationMs: stickyMs,
      encryption: "decrypted",
    };
    this.#sticky.set(String(content["msc4354_sticky_key"]), sticky);
    this.changes$.next([{ kind: "sticky", roomId: this.#roomId, event: sticky }]);
    return eventId;
  }
}
