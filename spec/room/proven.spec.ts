import { describe, it } from "vitest";
import type { ToDeviceMessage } from "../../src/matrix.ts";
import { proven } from "../../src/room/proven.ts";
import { alice } from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";

const message: ToDeviceMessage = { type: "t", sender: alice, content: { a: 1 } };
const [proof, later] = [
  { deviceId: "PHONE", crossSigned: true },
  { deviceId: "LAPTOP", crossSigned: false },
];

describe("A to-device message", () => {
  it(
    "that has its proof, or came in the clear, is emitted at once as it is",
    marbles(({ expectObservable }) => {
      expectObservable(proven({ ...message, proof })).toBe("(m|)", { m: { ...message, proof } });
      expectObservable(proven(message)).toBe("             (m|)", { m: message });
    }),
  );

  it(
    "whose proof takes a look-up is emitted with the first proof that comes",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const proof$ = cold("                            --p--q|", { p: proof, q: later });
      expectObservable(proven({ ...message, proof$ })).toBe("--(m|)", { m: { ...message, proof } });
      expectSubscriptions(proof$.subscriptions).toBe("  ^-!");
    }),
  );
});
