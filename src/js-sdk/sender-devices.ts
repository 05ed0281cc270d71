// SenderDevices: who encrypted a membership that does not say so itself, as the newest MSC4143 has it. protocol.md 2.3.
import type { MatrixClient, MatrixEvent } from "matrix-js-sdk";
import type { StickyEvent } from "../matrix.ts";
import { objectOr } from "../room/json.ts";
import { nameDevice } from "./event.ts";
import { proofOf } from "./proof.ts";

export class SenderDevices {
  /** Told when the device of an event was found; none is looked for while nobody would be told. */
  onFound: ((event: MatrixEvent) => void) | undefined;
  readonly #client: MatrixClient;
  readonly #asked = new WeakSet<MatrixEvent>();

  constructor(client: MatrixClient) {
    this.#client = client;
  }

  look(event: MatrixEvent, { sender, encryption, content }: StickyEvent): void {
    const key = event.getSenderKey();
    if (!this.onFound || encryption !== "decrypted" || key === null || namesDevice(content) || this.#asked.has(event))
      return;
    this.#asked.add(event);
    void proofOf(this.#client, sender, key).then(({ deviceId }) => {
      if (deviceId === undefined) return;
      nameDevice(event, deviceId);
      this.onFound?.(event);
    });
  }
}

/** A leave needs no device either: it names no member at all, or one that is known. */
function namesDevice(content: unknown): boolean {
  const { member, application } = objectOr(content);
  const { device_id, claimed_device_id } = objectOr(member);
  return application === undefined || device_id !== undefined || claimed_device_id !== undefined;
}
