// To-device messages in, each with what is proven of its sender. protocol.md 5.2, 5.4.
import { ClientEvent, type MatrixClient, type ReceivedToDeviceMessage } from "matrix-js-sdk";
import { Observable, share } from "rxjs";
import type { ToDeviceMessage } from "../matrix.ts";
import { isString } from "../room/json.ts";
import { proofOf } from "./proof.ts";
import { isRelevantToDevice } from "./relevant.ts";

/** Messages of one device stay in order while it is looked up; nobody waits for the messages of others. */
export function toDeviceOf(client: MatrixClient): Observable<ToDeviceMessage> {
  return new Observable<ToDeviceMessage>((subscriber) => {
    const underWay = new Map<string, ReturnType<typeof proofOf>>();

    /** One look at a time for a device: whoever asks meanwhile waits for the same answer, in turn. */
    const proof = (sender: string, key: string) => {
      const name = `${key} ${sender}`;
      const looking = underWay.get(name) ?? proofOf(client, sender, key).finally(() => underWay.delete(name));
      underWay.set(name, looking);
      return looking;
    };

    const onMessage = ({ message, encryptionInfo }: ReceivedToDeviceMessage) => {
      const { type, sender, content } = message;
      if (!isString(type) || !isString(sender) || !isRelevantToDevice(type)) return;
      if (!encryptionInfo) return subscriber.next({ type, sender, content });
      // Where Olm vouches for another sender than the server names, nothing is proven. The device that comes with them
      // is a mere claim; the key is not.
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
