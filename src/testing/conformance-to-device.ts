// ConformanceToDevice: the promises of the port about sending messages to devices. docs/port.md, protocol.md 5.2.
import type { ToDeviceOutcome } from "../matrix.ts";
import { check, checkEqual, type PortPromise, valuesOf } from "./conformance-checks.ts";
import { json, messageType, secret } from "./conformance-events.ts";

export const toDevicePromises: readonly PortPromise[] = [
  {
    title: "A message to devices has one outcome for each device, and then completes.",
    needs: { encryption: true },
    check: async (world) => {
      const missing = { userId: world.other.userId, deviceId: "MISSING" };
      const outcomes = await valuesOf(world.port.sendToDevice([world.other, missing], messageType, { secret }));
      const expected: ToDeviceOutcome[] = [
        { ...world.other, outcome: "sent" },
        { ...missing, outcome: "unknown-device" },
      ];
      const byDevice = (list: readonly ToDeviceOutcome[]) =>
        list.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
      checkEqual(byDevice(outcomes), byDevice(expected), "the outcomes");
      check(!world.sentText?.().includes(secret), "the message was sent in cleartext");
    },
  },
  {
    title: "A message to no devices completes at once, without a request.",
    check: async (world) => {
      const before = world.requestCount();
      checkEqual(await valuesOf(world.port.sendToDevice([], messageType, {})), [], "the outcomes");
      checkEqual(world.requestCount() - before, 0, "the number of requests");
    },
  },
  {
    title: "isCrossSigned emits one boolean for each device, if the port has it.",
    needs: { encryption: true },
    check: async ({ port, other }) => {
      if (!port.isCrossSigned) return;
      const missing = { userId: other.userId, deviceId: "MISSING" };
      const [known, unknown] = [await valuesOf(port.isCrossSigned(other)), await valuesOf(port.isCrossSigned(missing))];
      check(
        known.length === 1 && typeof known[0] === "boolean",
        `expected one boolean, found ${JSON.stringify(known)}`,
      );
      checkEqual(unknown, [false], "the value for an unknown device");
    },
  },
  {
    title: "A message that the server does not accept has the outcome failed, with its cause.",
    needs: { encryption: true },
    check: async (world) => {
      const response = json(429, { errcode: "M_LIMIT_EXCEEDED" }, { "Retry-After": "2" });
      world.failNext("to-device", { kind: "rate-limited", retryAfterMs: 2_000, response });
      const [outcome, ...more] = await valuesOf(world.port.sendToDevice([world.other], messageType, {}));
      const { cause } = outcome ?? {};
      const found = [outcome?.outcome, outcome?.deviceId, cause?.kind, cause?.retryAfterMs, more.length];
      checkEqual(
        found,
        ["failed", world.other.deviceId, "rate-limited", 2_000, 0],
        "outcome, device, kind, wait, others",
      );
    },
  },
];
