// ConformanceAround: the promises of the port about its optional abilities around a call. docs/port.md.
import type { EphemeralEvent, TimelineChange } from "../matrix.ts";
import { check, checkEqual, collect, eventually, type PortPromise, valuesOf } from "./conformance-checks.ts";

const message = { type: "m.room.message", content: { msgtype: "m.text", body: "hello" } };

/** A port without the ability, or a world that cannot test it, breaks no promise. */
export const aroundPromises: readonly PortPromise[] = [
  {
    title: "An event of a timeline can be read when it is emitted, and is the same object each time.",
    check: async (world) => {
      const { port } = world;
      if (!port.timeline || !port.timeline$ || !world.sendEvent) return;
      const roomId = await world.createRoom({ encrypted: false });
      const idsIn = () => [...port.timeline!(roomId)].map((event) => event.eventId);
      const changes = collect<readonly TimelineChange[]>(port.timeline$);
      idsIn();
      const found: string[][] = [];
      const reading = port.timeline$.subscribe(() => found.push(idsIn()));
      const eventId = await world.sendEvent(roomId, message);
      await world.sync();
      await eventually(
        world,
        () => changes.values.flat().some((change) => change.kind === "event" && change.event.eventId === eventId),
        () => `the event ${eventId} was not emitted, found ${JSON.stringify(changes.values)}`,
      );
      check(found.at(-1)?.includes(eventId) === true, `the event ${eventId} cannot be read when it is emitted`);
      const read = () => [...port.timeline!(roomId)].find((event) => event.eventId === eventId);
      const { type, sender, content, encryption } = read() ?? {};
      const expected = [message.type, world.other.userId, message.content, "cleartext"];
      checkEqual([type, sender, content, encryption], expected, "type, sender, content and encryption");
      check(read() === read(), "the event is another object at each reading");
      changes.end();
      reading.unsubscribe();
    },
  },
  {
    title: "A redacted event of a timeline is read without its content.",
    check: async (world) => {
      const { port } = world;
      if (!port.timeline || !port.timeline$ || !world.sendEvent) return;
      const roomId = await world.createRoom({ encrypted: false });
      const changes = collect(port.timeline$);
      const contentOf = (id: string) => [...port.timeline!(roomId)].find((event) => event.eventId === id)?.content;
      contentOf("");
      const eventId = await world.sendEvent(roomId, message);
      await world.sync();
      await world.redact(roomId, eventId);
      await world.sync();
      await eventually(
        world,
        () => JSON.stringify(contentOf(eventId)) === "{}",
        () => `expected the content {}, found ${JSON.stringify(contentOf(eventId))}`,
      );
      changes.end();
    },
  },
  {
    title: "Typing, receipts and presence of others can be read when they are emitted.",
    check: async (world) => {
      const { port, other } = world;
      if (!port.ephemeral || !port.ephemeral$ || !world.sendEphemeral) return;
      const roomId = await world.createRoom({ encrypted: false });
      const eventId = await world.setState(roomId, { type: "m.test", stateKey: "", content: {} });
      await world.sync();
      const read: unknown[] = [];
      const events = collect<EphemeralEvent>(port.ephemeral$);
      const reading = port.ephemeral$.subscribe(({ type, roomId: room, sender }) =>
        read.push(port.ephemeral!(type as "m.typing", room ?? sender ?? "")),
      );
      const { userId } = other;
      const contents: readonly EphemeralEvent[] = [
        { type: "m.typing", roomId, content: { user_ids: [userId] } },
        { type: "m.receipt", roomId, content: { [eventId]: { "m.read": { [userId]: { ts: 1 } } } } },
        { type: "m.presence", sender: userId, content: { presence: "online", status_msg: "in a call" } },
      ];
      for (const event of contents) {
        await world.sendEphemeral(event);
        await world.sync();
        await eventually(
          world,
          () => events.values.some(({ type }) => type === event.type),
          () => `${event.type} was not emitted, found ${JSON.stringify(events.values)}`,
        );
      }
      const words = JSON.stringify(read);
      for (const word of [userId, eventId, "in a call"])
        check(words.includes(word), `${word} cannot be read when it is emitted, found ${words}`);
      events.end();
      reading.unsubscribe();
    },
  },
  {
    title: "redactEvent emits the id of the redaction, once for one transaction.",
    check: async (world) => {
      const { port } = world;
      if (!port.redactEvent) return;
      const roomId = await world.createRoom({ encrypted: false });
      const { type, content } = message;
      const [eventId = ""] = await valuesOf(port.send({ roomId, type, content, txnId: "conformance-sent" }));
      const before = world.events(roomId).length;
      const redact = () => valuesOf(port.redactEvent!(roomId, eventId, { txnId: "conformance-redacted" }));
      const ids = [...(await redact()), ...(await redact())];
      const redaction = world.events(roomId).at(-1);
      checkEqual(ids, [redaction?.eventId, redaction?.eventId], "the ids");
      checkEqual(world.events(roomId).length - before, 1, "the number of new events on the server");
    },
  },
  {
    title: "sendTyping and sendReceipt complete without a value.",
    check: async (world) => {
      const { port } = world;
      if (!port.sendTyping || !port.sendReceipt) return;
      const roomId = await world.createRoom({ encrypted: false });
      const eventId = await world.setState(roomId, { type: "m.test", stateKey: "", content: {} });
      await world.sync();
      const before = world.requestCount();
      checkEqual(await valuesOf(port.sendTyping(roomId, true, 10_000)), [], "the values of sendTyping");
      checkEqual(await valuesOf(port.sendReceipt(roomId, eventId)), [], "the values of sendReceipt");
      checkEqual(world.requestCount() - before, 2, "the number of requests");
    },
  },
];
