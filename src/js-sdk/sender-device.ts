// SenderDevice: finds the device of a membership that does not name it, as the newest MSC4143 allows. protocol.md 2.3.
import type { MatrixClient, MatrixEvent } from "matrix-js-sdk";
import type { StickyEvent } from "../matrix.ts";
import { objectOr } from "../room/json.ts";
import { proofOf } from "./proof.ts";
import { nameDevice } from "./sdk-event.ts";

const asked = new WeakSet<MatrixEvent>();

/** Looks the device up where it is needed and not known yet. Calls `then` if it was found. */
export function findDevice(client: MatrixClient, event: MatrixEvent, sticky: StickyEvent, then: () => void): void {
  const key = event.getSenderKey();
  if (sticky.encryption !== "decrypted" || key === null || namesDevice(sticky.content) || asked.has(event)) return;
  asked.add(event);
  void proofOf(client, sticky.sender, key).then(({ deviceId }) => {
    if (deviceId === undefined) {
      asked.delete(event);
      return;
    }
    nameDevice(event, deviceId);
    then();
  });
}

/** Leaves need no device either: they name no member, or one that is known. */
function namesDevice(content: unknown): boolean {
  const { member, application } = objectOr(content);
  const { device_id, claimed_device_id } = objectOr(member);
  return application === undefined || device_id !== undefined || claimed_device_id !== undefined;
}
