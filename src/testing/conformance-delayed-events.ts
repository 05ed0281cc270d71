// ConformanceDelayedEvents: the promises of the port about delayed events (MSC4140). docs/port.md, protocol.md 4.6.
import { check, checkEqual, checkFails, eventually, type PortPromise, valuesOf } from "./conformance-checks.ts";
import { hourMs, json, page, stateIn, stickyIn, stickyType } from "./conformance-events.ts";
import type { ConformanceFailure, ConformanceWorld } from "./conformance-world.ts";

type Failures = readonly (readonly [title: string, failure: ConformanceFailure])[];

/** The errors of servers from before 2026 are in the body, beside `M_UNKNOWN`. */
const oldError = (details: object) => json(400, { errcode: "M_UNKNOWN", ...details });

const scheduleFailures: Failures = [
  [
    "Too long a delay is a MatrixError of the kind max-delay-exceeded, with the maximum if the server states it.",
    {
      kind: "max-delay-exceeded",
      maxDelayMs: 60_000,
      response: oldError({
        "org.matrix.msc4140.errcode": "M_MAX_DELAY_EXCEEDED",
        "org.matrix.msc4140.max_delay": 60_000,
      }),
    },
  ],
  [
    "A server that sends a delayed event at once does not support delayed events.",
    { kind: "unsupported", response: json(200, { event_id: "$sent-at-once" }) },
  ],
  [
    "A server that refuses every delay does not support delayed events.",
    { kind: "unsupported", response: oldError({ "org.matrix.msc4140.errcode": "M_MAX_DELAY_UNSUPPORTED" }) },
  ],
];

const restartFailures: Failures = [
  [
    "A restart that conflicts with a finalised event is a MatrixError of the kind conflict.",
    { kind: "conflict", response: json(409, { errcode: "M_UNKNOWN" }) },
  ],
  [
    "A restart that a proxy answers with 404 is a MatrixError of the kind not-found.",
    { kind: "not-found", response: page(404, "text/plain") },
  ],
];

export const delayedEventPromises: readonly PortPromise[] = [
  {
    title: "The limits of delayed events are an object if the server has them.",
    needs: { delayedEvents: true },
    check: async ({ port }) => {
      const limits = await valuesOf(port.delayedEventLimits());
      check(
        limits.length === 1 && typeof limits[0] === "object",
        `expected one object, found ${JSON.stringify(limits)}`,
      );
      const { maxDelayMs = 1 } = limits[0];
      check(maxDelayMs > 0, `maxDelayMs must be positive, found ${maxDelayMs}`);
    },
  },
  {
    title: "The limits of delayed events are false if the server does not have them.",
    needs: { delayedEvents: false },
    check: async ({ port }) => checkEqual(await valuesOf(port.delayedEventLimits()), [false], "the limits"),
  },
  {
    title: "Scheduling on a server without delayed events fails as unsupported, and sends no event.",
    needs: { delayedEvents: false },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const before = world.events(roomId).length;
      await checkFails(port.schedule(stateIn(roomId, port), hourMs), { kind: "unsupported" }, "schedule");
      checkEqual(world.events(roomId).length - before, 0, "the number of new events on the server");
    },
  },
  {
    title: "A scheduled event is not in the room until it is sent.",
    needs: { delayedEvents: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const before = world.events(roomId).length;
      const delayId = await scheduleOne(world, roomId);
      checkEqual(world.events(roomId).length - before, 0, "the number of new events after schedule");
      checkEqual(await valuesOf(port.updateDelayedEvent(delayId, "send")), [], "what the update emits");
      checkEqual(world.events(roomId).length - before, 1, "the number of new events after send");
    },
  },
  {
    title: "A scheduled event is in cleartext, also in an encrypted room.",
    needs: { delayedEvents: true, encryption: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: true });
      const [delayId = ""] = await valuesOf(port.schedule(stickyIn(roomId), hourMs));
      await valuesOf(port.updateDelayedEvent(delayId, "send"));
      checkEqual(world.events(roomId).at(-1)?.type, stickyType, "the type on the server");
    },
  },
  {
    title: "A restart emits nothing and completes, and the event stays scheduled.",
    needs: { delayedEvents: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const before = world.events(roomId).length;
      const delayId = await scheduleOne(world, roomId);
      checkEqual(await valuesOf(port.updateDelayedEvent(delayId, "restart")), [], "what the restart emits");
      checkEqual(world.events(roomId).length - before, 0, "the number of new events after the restart");
      await valuesOf(port.updateDelayedEvent(delayId, "send"));
      checkEqual(world.events(roomId).length - before, 1, "the number of new events after send");
    },
  },
  {
    title: "A cancelled event is not found any more.",
    needs: { delayedEvents: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const delayId = await scheduleOne(world, roomId);
      await valuesOf(port.updateDelayedEvent(delayId, "cancel"));
      await checkFails(port.updateDelayedEvent(delayId, "restart"), { kind: "not-found" }, "restart");
    },
  },
  {
    title: "An update with keepalive reaches the server, although nobody stays subscribed.",
    needs: { delayedEvents: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const before = world.events(roomId).length;
      const delayId = await scheduleOne(world, roomId);
      port.updateDelayedEvent(delayId, "send", { keepalive: true }).subscribe().unsubscribe();
      await eventually(
        world,
        () => world.events(roomId).length > before,
        () => "the event was not sent",
      );
    },
  },
  ...scheduleFailures.map(
    ([title, failure]): PortPromise => ({
      title,
      needs: { delayedEvents: true },
      check: async (world) => {
        const roomId = await world.createRoom({ encrypted: false });
        world.failNext("schedule", failure);
        await checkFails(world.port.schedule(stateIn(roomId, world.port), hourMs), failure, "schedule");
      },
    }),
  ),
  ...restartFailures.map(
    ([title, failure]): PortPromise => ({
      title,
      needs: { delayedEvents: true },
      check: async (world) => {
        const roomId = await world.createRoom({ encrypted: false });
        const delayId = await scheduleOne(world, roomId);
        world.failNext("restart", failure);
        await checkFails(world.port.updateDelayedEvent(delayId, "restart"), failure, "restart");
      },
    }),
  ),
  {
    title: "The error of an update does not contain the delay id, even if the server repeats it.",
    needs: { delayedEvents: true },
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const delayId = await scheduleOne(world, roomId);
      for (const request of ["restart", "send-delayed", "cancel"] as const) {
        const response = json(404, { errcode: "M_NOT_FOUND", error: `no delayed event ${delayId}` });
        world.failNext(request, { kind: "not-found", response });
        const action = request === "send-delayed" ? "send" : request;
        const error = await checkFails(world.port.updateDelayedEvent(delayId, action), { kind: "not-found" }, action);
        const words = [error.message, error.stack, String(error.cause), JSON.stringify(error)].join(" ");
        check(!words.includes(delayId), `the error of ${action} contains the delay id`);
      }
    },
  },
];

async function scheduleOne({ port }: ConformanceWorld, roomId: string): Promise<string> {
  const ids = await valuesOf(port.schedule(stateIn(roomId, port), hourMs));
  check(ids.length === 1 && typeof ids[0] === "string", `schedule must emit one delay id, found ${ids.length}`);
  return ids[0];
}
