// WidgetDriver: what a client does for Element Call as its widget, over a MatrixClient of matrix-js-sdk.
import { Direction, type MatrixClient, type MatrixEvent } from "matrix-js-sdk";
import {
  type Capability,
  type IOpenIDUpdate,
  type IRoomEvent,
  OpenIDRequestState,
  type SimpleObservable,
  WidgetDriver,
} from "matrix-widget-api";

type Content = Record<string, unknown>;
type Sdk = Record<string, (...args: unknown[]) => Promise<Content>>;

export class ElementCallDriver extends WidgetDriver {
  readonly #client: MatrixClient;
  /** The same client without the types of event contents. */
  readonly #sdk: Sdk;
  readonly #roomId: string;

  constructor(client: MatrixClient, roomId: string) {
    super();
    this.#client = client;
    this.#sdk = client as unknown as Sdk;
    this.#roomId = roomId;
  }

  override async validateCapabilities(requested: Set<Capability>): Promise<Set<Capability>> {
    return requested;
  }

  override async sendEvent(type: string, content: unknown, stateKey: string | null = null) {
    const roomId = this.#roomId;
    if (type === "m.room.redaction") {
      const { redacts, ...rest } = content as { readonly redacts: string };
      return sent(roomId, await this.#client.redactEvent(roomId, redacts, undefined, rest as object));
    }
    if (stateKey !== null) return sent(roomId, await this.#sdk["sendStateEvent"]!(roomId, type, content, stateKey));
    return sent(roomId, await this.#sdk["sendEvent"]!(roomId, type, content));
  }

  override async sendStickyEvent(durationMs: number, type: string, content: unknown) {
    const roomId = this.#roomId;
    return sent(roomId, await this.#sdk["_unstable_sendStickyEvent"]!(roomId, durationMs, null, type, content));
  }

  override async sendDelayedEvent(delay: number, type: string, content: unknown, stateKey: string | null = null) {
    const roomId = this.#roomId;
    return scheduled(
      roomId,
      stateKey === null
        ? await this.#sdk["_unstable_sendDelayedEvent"]!(roomId, { delay }, null, type, content)
        : await this.#sdk["_unstable_sendDelayedStateEvent"]!(roomId, { delay }, type, content, stateKey),
    );
  }

  override async sendDelayedStickyEvent(delay: number, durationMs: number, type: string, content: unknown) {
    const roomId = this.#roomId;
    const send = this.#sdk["_unstable_sendStickyDelayedEvent"]!.bind(this.#sdk);
    return scheduled(roomId, await send(roomId, durationMs, { delay }, null, type, content));
  }

  override async cancelScheduledDelayedEvent(delayId: string): Promise<void> {
    await this.#client._unstable_cancelScheduledDelayedEvent(delayId);
  }

  override async restartScheduledDelayedEvent(delayId: string): Promise<void> {
    await this.#client._unstable_restartScheduledDelayedEvent(delayId);
  }

  override async sendScheduledDelayedEvent(delayId: string): Promise<void> {
    await this.#client._unstable_sendScheduledDelayedEvent(delayId);
  }

  override async sendToDevice(
    type: string,
    encrypted: boolean,
    contentMap: Record<string, Record<string, object>>,
  ): Promise<void> {
    const messages = Object.entries(contentMap).flatMap(([userId, byDevice]) =>
      Object.entries(byDevice).map(([deviceId, content]) => ({ userId, deviceId, content })),
    );
    if (!encrypted) throw new Error("Element Call sends no cleartext messages in an encrypted room");
    await Promise.all(
      messages.map(({ userId, deviceId, content }) =>
        this.#client.encryptAndSendToDevice(type, [{ userId, deviceId }], content as never),
      ),
    );
  }

  override async readRoomTimeline(roomId: string, type: string, msgtype: string | undefined): Promise<IRoomEvent[]> {
    const events = this.#client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
    await this.#decrypt(events);
    return events
      .filter((event) => event.getType() === type && (!msgtype || event.getContent()["msgtype"] === msgtype))
      .map(rawOf)
      .toReversed();
  }

  override async readRoomState(roomId: string, type: string, stateKey: string | undefined): Promise<IRoomEvent[]> {
    const state = this.#client.getRoom(roomId)?.getLiveTimeline().getState(Direction.Forward);
    if (!state) return [];
    if (stateKey === undefined) return state.getStateEvents(type).map(rawOf);
    const event = state.getStateEvents(type, stateKey);
    return event ? [rawOf(event)] : [];
  }

  override async readStickyEvents(roomId: string): Promise<IRoomEvent[]> {
    const events = [...(this.#client.getRoom(roomId)?._unstable_getStickyEvents() ?? [])];
    await this.#decrypt(events);
    return events.map(rawOf);
  }

  /** Events of the first sync are not decrypted before somebody asks for it. */
  async #decrypt(events: readonly MatrixEvent[]): Promise<void> {
    await Promise.all(events.map((event) => this.#client.decryptEventIfNeeded(event)));
  }

  override async readEventRelations(eventId: string, roomId = this.#roomId, relationType?: string, type?: string) {
    const { events } = await this.#client.relations(roomId, eventId, relationType ?? null, type ?? null);
    return { chunk: events.map(rawOf) };
  }

  override askOpenID(observer: SimpleObservable<IOpenIDUpdate>): void {
    void this.#client
      .getOpenIdToken()
      .then((token) => observer.update({ state: OpenIDRequestState.Allowed, token }))
      .catch(() => observer.update({ state: OpenIDRequestState.Blocked }));
  }

  override async getRtcTransports() {
    return { rtc_transports: (await this.#client._unstable_getRTCTransports()) as { type: string }[] };
  }

  override getKnownRooms(): string[] {
    return [this.#roomId];
  }
}

/** An event as the room has it, decrypted where it can be. */
export function rawOf(event: MatrixEvent): IRoomEvent {
  return { ...event.event, ...event.getEffectiveEvent() } as unknown as IRoomEvent;
}

const sent = (roomId: string, answer: Content | { readonly event_id: string }) => ({
  roomId,
  eventId: String(answer["event_id"]),
});

const scheduled = (roomId: string, answer: Content) => ({ roomId, delayId: String(answer["delay_id"]) });
