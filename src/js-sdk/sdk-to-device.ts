// ToDevice: received to-device messages, each with a proof of its sender, looked up on demand. protocol.md 5.2, 5.4.
import { ClientEvent, type MatrixClient, type ReceivedToDeviceMessage } from "matrix-js-sdk";
import { defer, Observable, share } from "rxjs";
import type { ToDeviceMessage } from "../matrix.ts";
import { isString } from "../room/json.ts";
import { proofOf } from "./proof.ts";
import { isRelevantToDevice } from "./relevant.ts";

/** Messages of one device are proven in their order. They do not delay messages of other users. */
export function toDeviceOf(client: MatrixClient): Observable<ToDeviceMessage> {
  return new Observable<ToDeviceMessage>((subscriber) => {
    const onMessage = ({ message, encryptionInfo }: ReceivedToDeviceMessage) => {
      const { type, sender, content } = message;
      if (!isString(type) || !isString(sender) || !isRelevantToDevice(type)) return;
      if (!encryptionInfo) return subscriber.next({ type, sender, content });
      // If Olm names another sender than the server does, nothing is proven. Olm proves the identity key; the device id
      // beside it is only a claim.
      if (encryptionInfo.sender !== sender)
        return subscriber.next({ type, sender, content, proof: { crossSigned: false } });
      const proof$ = defer(() => proofOf(client, sender, encryptionInfo.senderCurve25519KeyBase64));
      subscriber.next({ type, sender, content, proof$ });
    };

    client.on(ClientEvent.ReceivedToDeviceMessage, onMessage);
    return () => {
      client.off(ClientEvent.ReceivedToDeviceMessage, onMessage);
    };
  }).pipe(share());
}
