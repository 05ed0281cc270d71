// ConformanceSending: the promises of the port about sending events. docs/port.md, protocol.md 4.5, 4.6.
import { stateMemberType } from "../room/names.ts";
import { check, checkEqual, checkFails, type PortPromise, settled, valuesOf } from "./conformance-checks.ts";
import { hourMs, json, messageType, page, secret, stateIn, stickyIn, stickyType } from "./conformance-events.ts";
import { stickyOf } from "./conformance-reading.ts";
import type { ConformanceFailure } from "./conformance-world.ts";

type Failures = readonly (readonly [circumstance: string, failure: ConformanceFailure])[];

/** Responses of servers and proxies to any request, and the kind that each of them has. */
const failures: Failures = [
  [
    "a rate limit with a wait in seconds",
    {
      kind: "rate-limited",
      retryAfterMs: 7_000,
      response: json(429, { errcode: "M_LIMIT_EXCEEDED" }, { "Retry-After": "7" }),
    },
  ],
  [
    "a rate limit with a wait in the body",
    {
      kind: "rate-limited",
      retryAfterMs: 900,
      response: json(429, { errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 900 }),
    },
  ],
  ["a lost connection", { kind: "network", response: "connection-lost" }],
  ["an error of a server in trouble", { kind: "network", response: json(500, { errcode: "M_UNKNOWN" }) }],
  ["the error page of a proxy", { kind: "network", response: page(502, "text/html") }],
  ["a 404 of a proxy", { kind: "network", response: page(404, "text/plain") }],
  ["a 403 of a proxy", { kind: "network", response: page(403, "text/html") }],
  ["a login page in place of the response", { kind: "network", response: page(200, "text/html") }],
  ["an invalid access token", { kind: "logged-out", response: json(401, { errcode: "M_UNKNOWN_TOKEN" }) }],
  [
    "an expired access token",
    { kind: "soft-logged-out", response: json(401, { errcode: "M_UNKNOWN_TOKEN", soft_logout: true }) },
  ],
  ["an event that is too large", { kind: "too-large", response: json(413, { errcode: "M_TOO_LARGE" }) }],
  ["a forbidden event", { kind: "forbidden", response: json(403, { errcode: "M_FORBIDDEN" }) }],
  ["a malformed event", { kind: "other", response: json(400, { errcode: "M_BAD_JSON" }) }],
];

export const sendingPromises: readonly PortPromise[] = [
  {
    title: "An effect sends nothing before somebody subscribes to it.",
    needs: { delayedEvents: true },
    check: async (world) => {
      const { port, other } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const before = world.requestCount();
      port.send(stateIn(roomId, port));
      port.schedule(stateIn(roomId, port), hourMs);
      port.updateDelayedEvent("unknown", "cancel");
      port.delayedEventLimits();
      port.sendToDevice([other], messageType, {});
      await world.sync();
      checkEqual(world.requestCount() - before, 0, "the number of requests");
    },
  },
  {
    title: "A state event is sent, its event id is emitted, and the effect completes.",
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const ids = await valuesOf(port.send(stateIn(roomId, port)));
      const { stateKey } = stateIn(roomId, port);
      const { type, sender, eventId } = world.events(roomId).at(-1) ?? {};
      checkEqual([type, sender, [eventId]], [stateMemberType, port.userId, ids], "type, sender and id on the server");
      await world.sync();
      checkEqual(
        port.stateEvent(roomId, stateMemberType, stateKey ?? "")?.content,
        { n: 1 },
        "the content after a sync",
      );
    },
  },
  {
    title: "Each subscription to an effect sends a new request.",
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const content = { n: 1 };
      const effect$ = port.send(stateIn(roomId, port, content));
      await valuesOf(effect$);
      await valuesOf(port.send(stateIn(roomId, port, { n: 2 })));
      await valuesOf(effect$);
      await world.sync();
      const { stateKey } = stateIn(roomId, port);
      checkEqual(
        port.stateEvent(roomId, stateMemberType, stateKey ?? "")?.content,
        content,
        "the content after a sync",
      );
    },
  },
  {
    title: "A sticky event is sent with its duration.",
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const [eventId] = await valuesOf(port.send(stickyIn(roomId)));
      await world.sync();
      const { type, durationMs, content } = await stickyOf(world, roomId, eventId ?? "");
      checkEqual([type, durationMs], [stickyType, hourMs], "type and duration");
      checkEqual(content, { msc4354_sticky_key: "one" }, "content");
    },
  },
  {
    title: "Two sends with the same transaction id make one event.",
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: false });
      const before = world.events(roomId).length;
      const ids = [...(await valuesOf(port.send(stickyIn(roomId)))), ...(await valuesOf(port.send(stickyIn(roomId))))];
      checkEqual(new Set(ids).size, 1, "the number of different event ids");
      checkEqual(world.events(roomId).length - before, 1, "the number of new events on the server");
    },
  },
  {
    title: "A timeline event in an encrypted room is sent encrypted, without any cleartext.",
    needs: { encryption: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: true });
      await valuesOf(port.send(stickyIn(roomId, { msc4354_sticky_key: "one", secret })));
      checkEqual(world.events(roomId).at(-1)?.type, "m.room.encrypted", "the type on the server");
      check(!world.sentText?.().includes(secret), "the content was sent in cleartext");
    },
  },
  {
    title: "A timeline event is not sent in cleartext to an encrypted room if the client cannot encrypt.",
    needs: { encryption: false },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: true });
      const before = world.events(roomId).length;
      await settled(port.send(stickyIn(roomId, { msc4354_sticky_key: "one", secret })));
      const added = world.events(roomId).slice(before);
      check(
        added.every(({ type }) => type === "m.room.encrypted"),
        `the event was sent in cleartext: ${JSON.stringify(added)}`,
      );
      check(!world.sentText?.().includes(secret), "the content was sent in cleartext");
    },
  },
  {
    title: "A state event in an encrypted room is sent in cleartext.",
    needs: { encryption: true },
    check: async (world) => {
      const { port } = world;
      const roomId = await world.createRoom({ encrypted: true });
      await valuesOf(port.send(stateIn(roomId, port)));
      checkEqual(world.events(roomId).at(-1)?.type, stateMemberType, "the type on the server");
    },
  },
  ...failures.map(([circumstance, failure]): PortPromise => {
    const about = failure.retryAfterMs === undefined ? "" : ", with the wait";
    return {
      title: `A send that fails with ${circumstance} is a MatrixError of the kind ${failure.kind}${about}.`,
      check: async (world) => {
        const { port } = world;
        const roomId = await world.createRoom({ encrypted: false });
        world.failNext("send", failure);
        await checkFails(port.send(stateIn(roomId, port)), failure, "send");
      },
    };
  }),
];
