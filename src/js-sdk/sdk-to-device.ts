// ToDevice: received to-device messages, each with a proof of its sender. protocol.md 5.2, 5.4.
import { ClientEvent, type MatrixClient, type ReceivedToDeviceMessage } from "matrix-js-sdk";
import { Observable, share } from "rxjs";
import type { ToDeviceMessage } from "../matrix.ts";
import { isString } from "../room/json.ts";
import { proofOf } from "./proof.ts";
import { isRelevantToDevice } from "./relevant.ts";

/** Messages of one device stay in order while the device is looked up. They do not delay messages of other devices. */
export function toDeviceOf(client: MatrixClient): Observable<ToDeviceMessage> {
  return new Observable<ToDeviceMessage>((subscriber) => {
    const pending = new Map<string, ReturnType<typeof proofOf>>();

    /** Runs one look-up at a time for each device. Messages that arrive meanwhile wait for the same result, in order. */
    const proof = (sender: string, key: string) => {
      const name = `${key} ${sender}`;
      const lookUp = pending.get(name) ?? proofOf(client, sender, key).finally(() => pending.delete(name));
      pending.set(name, lookUp);
      return lookUp;
    };

    const onMessage = ({ message, encryptionInfo }: ReceivedToDeviceMessage) => {
      const { type, sender, content } = message;
      if (!isString(type) || !isString(sender) || !isRelevantToDevice(type)) return;
      if (!encryptionInfo) return subscriber.next({ type, sender, content });
      // If Olm names another sender than the server does, nothing is proven. Olm proves the identity key; the device id
      // beside it is only a claim.
      if (encryptionInfo.sender !== sender)
        return subscriber.next({ type, sender, content, proof: { crossSigned: false } });
      void proof(sender, encryptionInfo.senderCurve25519KeyBase64).then((found) =>
        subscriber.next({ type, sender, content, proof: found }),
      );
    };

    client.on(ClientEvent.ReceivedToDeviceMessage, onMessage);
    return () => {
      client.off(ClientEvent.ReceivedToDeviceMessage, onMessage);
    };
  }).pipe(share());
}
