// ToDeviceKeyTransport: media keys in to-device messages, with the names of matrix-js-sdk 43. protocol.md 5.2.
import { asyncScheduler } from "rxjs";
import { isFiniteNumber, isString, type JsonObject, objectOr } from "../room/json.ts";
import { childLog, type CompatLog, type LoggerSubset } from "./compat-log.ts";
import { Emitter } from "./emitter.ts";
import type {
  CallMembershipIdentityParts,
  ClientSubset,
  EncryptionKeysToDeviceEventContent,
  LimitedEvent,
  ParticipantDeviceInfo,
  Statistics,
} from "./original-types.ts";
import type { KeyTransportEventListener, KeyTransportEventsHandlerMap } from "./rtc-events.ts";

/** How media keys travel. */
export interface KeyTransport {
  /** Sends our key to these devices. */
  sendKey(keyBase64Encoded: string, index: number, members: ParticipantDeviceInfo[]): Promise<void>;
  on(event: "received_keys", listener: KeyTransportEventListener): unknown;
  off(event: "received_keys", listener: KeyTransportEventListener): unknown;
  /** Begins to take keys. */
  start(): void;
  /** Stops to take keys. */
  stop(): void;
}

/** The host of a widget cannot send to-device messages. */
export class NotSupportedError extends Error {
  override readonly name = "NotSupportedError";
}

/** The type of key messages. */
const keyMessageType = "io.element.call.encryption_keys";

/**
 * Media keys in to-device messages. It believes the device that a message names, as the original does. A session proves the
 * device instead, and does not use this class.
 */
export class ToDeviceKeyTransport extends Emitter<KeyTransportEventsHandlerMap> implements KeyTransport {
  readonly #membership: CallMembershipIdentityParts;
  readonly #roomId: string;
  readonly #client: Pick<ClientSubset, "encryptAndSendToDevice" | "on" | "off">;
  readonly #statistics: Statistics;
  #log: CompatLog;

  constructor(
    membership: CallMembershipIdentityParts,
    roomId: string,
    client: Pick<ClientSubset, "encryptAndSendToDevice" | "on" | "off">,
    statistics: Statistics,
    parentLogger?: LoggerSubset,
  ) {
    super();
    this.#membership = membership;
    this.#roomId = roomId;
    this.#client = client;
    this.#statistics = statistics;
    this.#log = childLog(parentLogger, "[ToDeviceKeyTransport]");
  }

  /** Logs to a child of this logger. */
  setParentLogger(parentLogger: LoggerSubset): void {
    this.#log = childLog(parentLogger, "[ToDeviceKeyTransport]");
  }

  /** Begins to take keys. */
  start(): void {
    this.#client.on("toDeviceEvent" as never, this.#onToDeviceEvent as never);
  }

  /** Stops to take keys. */
  stop(): void {
    this.#client.off("toDeviceEvent" as never, this.#onToDeviceEvent as never);
  }

  /**
   * Sends a key to these devices, without our own.
   *
   * @throws NotSupportedError if the host of a widget cannot do that. Other trouble is not reported.
   */
  async sendKey(keyBase64Encoded: string, index: number, members: ParticipantDeviceInfo[]): Promise<void> {
    const own = this.#membership;
    const targets = members
      .map(({ userId, deviceId }) => ({ userId, deviceId }))
      .filter(({ userId, deviceId }) => userId !== own.userId || deviceId !== own.deviceId);
    if (targets.length === 0) {
      this.#log.warn?.("No targets found for sending key");
      return;
    }
    const content = this.#contentOf(keyBase64Encoded, index);
    try {
      await this.#client.encryptAndSendToDevice(keyMessageType, targets, content as never);
    } catch (error) {
      const message = error instanceof Error ? error.message : "";
      const isUnknown = message.includes("unknown variant") && message.includes("send_to_device");
      if (isUnknown || message.includes("not supported"))
        throw new NotSupportedError("The widget driver does not support to-device encryption");
    }
    this.#statistics.counters.roomEventEncryptionKeysSent += 1;
  }

  #contentOf(key: string, index: number): EncryptionKeysToDeviceEventContent {
    const { deviceId, memberId } = this.#membership;
    return {
      keys: { index, key },
      room_id: this.#roomId,
      member: { claimed_device_id: deviceId, id: memberId },
      session: { call_id: "", application: "m.call", scope: "m.room" },
      sent_ts: asyncScheduler.now(),
    };
  }

  readonly #onToDeviceEvent = (event: LimitedEvent): void => {
    if (event.getType() !== keyMessageType) return;
    const content: JsonObject = event.getContent();
    const sender = event.getSender();
    const problem = problemOf(content, this.#roomId);
    if (problem !== undefined) this.#log.warn?.(`Malformed Event: ${problem}`);
    else if (sender) this.#receive(sender, content as unknown as EncryptionKeysToDeviceEventContent);
  };

  #receive(userId: string, { keys, member, sent_ts: sentTs }: EncryptionKeysToDeviceEventContent): void {
    const { counters, totals } = this.#statistics;
    const now = asyncScheduler.now();
    const deviceId = member.claimed_device_id;
    counters.roomEventEncryptionKeysReceived += 1;
    totals.roomEventEncryptionKeysReceivedTotalAge += isFiniteNumber(sentTs) ? now - sentTs : 0;
    const memberId = member.id ?? `${userId}:${deviceId}`;
    this.emit("received_keys", { userId, deviceId, memberId }, keys.key, keys.index, now);
  }
}

/** What is wrong with a key message, in the words of the original. */
function problemOf({ room_id: ofRoom, keys, member }: JsonObject, roomId: string): string | undefined {
  const { key, index } = objectOr(keys);
  const { claimed_device_id: deviceId } = objectOr(member);
  if (!ofRoom) return "invalid call encryption keys event, no roomId";
  if (ofRoom !== roomId) return "Mismatch roomId";
  if (!isString(key) || key === "" || typeof index !== "number") return "Missing keys field";
  return isString(deviceId) && deviceId !== "" ? undefined : "Missing claimed_device_id";
}
