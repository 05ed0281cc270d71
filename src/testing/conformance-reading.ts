// ConformanceReading: the promises of the port about reading rooms. docs/port.md.
import { asyncScheduler } from "rxjs";
import type { RoomChange, StickyEvent } from "../matrix.ts";
import { stateMemberType } from "../room/names.ts";
import { check, checkEqual, collect, eventually, type PortPromise, valuesOf } from "./conformance-checks.ts";
import { hourMs, stickyType } from "./conformance-events.ts";
import type { ConformanceWorld } from "./conformance-world.ts";

const skewMs = 60_000;

const idsOf = (events: Iterable<{ readonly eventId: string }>): string[] => [...events].map(({ eventId }) => eventId);

/** Waits until the port holds a sticky event in a form that fits, and returns it. */
export async function stickyOf(
  world: ConformanceWorld,
  roomId: string,
  eventId: string,
  fits: (event: StickyEvent) => boolean = () => true,
): Promise<StickyEvent> {
  const find = () => [...world.port.stickyEvents(roomId)].find((event) => event.eventId === eventId);
  const isThere = () => {
    const event = find();
    return event !== undefined && fits(event);
  };
  await eventually(
    world,
    isThere,
    () => `stickyEvents does not return event ${eventId}, found ${JSON.stringify(find())}`,
  );
  return find()!;
}

export const readingPromises: readonly PortPromise[] = [
  {
    title: "The port has the user id and the device id of its client.",
    check: async ({ port }) => {
      check(/^@.+:.+/s.test(port.userId), `userId must be a Matrix user id, found ${port.userId}`);
      check(port.deviceId.length > 0, "deviceId must not be empty");
    },
  },
  {
    title: "An unknown room reads as empty.",
    check: async ({ port }) => {
      const roomId = "!unknown:example.org";
      checkEqual(port.hasRoom(roomId), false, "hasRoom");
      checkEqual(port.stateEvent(roomId, "m.room.create", "") ?? null, null, "stateEvent");
      checkEqual([...port.stateEvents(roomId, stateMemberType)], [], "stateEvents");
      checkEqual([...port.stickyEvents(roomId)], [], "stickyEvents");
    },
  },
  {
    title: "A room that our user has joined is known and listed.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      checkEqual(world.port.hasRoom(roomId), true, "hasRoom");
      checkEqual([...world.port.rooms()], [roomId], "rooms()");
    },
  },
  {
    title: "A room that our user has left is not listed.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      await world.setOwnMembership(roomId, "leave");
      await world.sync();
      checkEqual([...world.port.rooms()], [], "rooms()");
      checkEqual([...world.port.rooms({ withStateOf: "m.room.create" })], [], "rooms({ withStateOf })");
    },
  },
  {
    title: "rooms({ withStateOf }) lists every room that has such state.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      await world.setState(roomId, { type: stateMemberType, stateKey: "_other", content: {} });
      await world.sync();
      checkEqual([...world.port.rooms({ withStateOf: stateMemberType })], [roomId], "rooms({ withStateOf })");
    },
  },
  {
    title: "rooms({ withStateOf }) lists every room that has sticky events.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      await world.sendSticky(roomId, { type: stickyType, content: {}, encryption: "cleartext" });
      await world.sync();
      checkEqual([...world.port.rooms({ withStateOf: stateMemberType })], [roomId], "rooms({ withStateOf })");
    },
  },
  {
    title: "A state event is read by its key and by its type, with all its fields.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const content = { application: "m.call", list: [{ nested: true }] };
      const eventId = await world.setState(roomId, { type: stateMemberType, stateKey: "_one", content });
      const otherId = await world.setState(roomId, { type: stateMemberType, stateKey: "_two", content: {} });
      await world.sync();
      const event = world.port.stateEvent(roomId, stateMemberType, "_one");
      check(event !== undefined, "stateEvent returned undefined");
      const { type, stateKey, sender, originServerTs } = event;
      checkEqual([type, stateKey], [stateMemberType, "_one"], "type and state key");
      checkEqual(
        [sender, event.eventId, event.content],
        [world.other.userId, eventId, content],
        "sender, id and content",
      );
      check(
        Math.abs(originServerTs - asyncScheduler.now()) < skewMs,
        `originServerTs must be the server's time in ms, found ${originServerTs}`,
      );
      const all = idsOf(world.port.stateEvents(roomId, stateMemberType)).toSorted();
      checkEqual(all, [eventId, otherId].toSorted(), "the event ids of stateEvents");
    },
  },
  {
    title: "The content of a state event is the same object at each reading.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      await world.setState(roomId, { type: stateMemberType, stateKey: "_one", content: { application: "m.call" } });
      await world.sync();
      const read = () => world.port.stateEvent(roomId, stateMemberType, "_one")?.content;
      const first = read();
      const [listed] = world.port.stateEvents(roomId, stateMemberType);
      check(first !== undefined && read() === first, "stateEvent returned another content object the second time");
      check(listed?.content === first, "stateEvents returned another content object than stateEvent");
    },
  },
  {
    title: "A redacted state event has another content object, without its fields.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const content = { application: "m.call" };
      const eventId = await world.setState(roomId, { type: stateMemberType, stateKey: "_one", content });
      await world.sync();
      const read = () => world.port.stateEvent(roomId, stateMemberType, "_one");
      const before = read()?.content;
      await world.redact(roomId, eventId);
      await world.sync();
      const after = read();
      checkEqual(after?.eventId, eventId, "the event id of the redacted event");
      checkEqual(after?.content, {}, "the content of the redacted event");
      check(after?.content !== before, "the redacted event has the same content object as before, emptied in place");
      check(read()?.content === after?.content, "the redacted content is another object at each reading");
    },
  },
  {
    title: "loadMember makes an unknown room membership readable, and a change follows, if the port has it.",
    check: async (world) => {
      const { port, other } = world;
      if (!port.loadMember) return;
      check(world.forgetMember !== undefined, "a port with loadMember needs a world with forgetMember");
      const roomId = await world.createRoom({ encrypted: false });
      await world.forgetMember(roomId);
      const read = () => port.stateEvent(roomId, "m.room.member", other.userId)?.content;
      check(read() === undefined, "forgetMember of the world has no effect");
      const changes = collect(port.changes$);
      checkEqual(await valuesOf(port.loadMember(roomId, other.userId)), [], "what loadMember emits");
      checkEqual(read(), { membership: "join" }, "the content of the membership");
      const isMember = (change: RoomChange) =>
        change.kind === "room" || (change.kind === "state" && change.stateKey === other.userId);
      await eventually(
        world,
        () => changes.values.flat().some(isMember),
        () => `no change of the membership, found ${JSON.stringify(changes.values)}`,
      );
      changes.end();
    },
  },
  {
    title: "A sticky event is read with its times and its encryption.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const content = { msc4354_sticky_key: "one" };
      const eventId = await world.sendSticky(roomId, { type: stickyType, content, encryption: "cleartext" });
      await world.sync();
      const event = await stickyOf(world, roomId, eventId);
      const { type, sender, encryption, durationMs, receivedTs, originServerTs } = event;
      const fields = { type, sender, encryption, durationMs, content: event.content };
      const { userId } = world.other;
      checkEqual(
        fields,
        { type: stickyType, sender: userId, encryption: "cleartext", durationMs: hourMs, content },
        "the sticky event",
      );
      for (const [name, ts] of Object.entries({ receivedTs, originServerTs }))
        check(Math.abs(ts - asyncScheduler.now()) < skewMs, `${name} must be a time in ms, found ${ts}`);
      const again = await stickyOf(world, roomId, eventId);
      check(again.content === event.content, "the content of a sticky event is another object at each reading");
    },
  },
  {
    title: "A sticky event stays readable after another one with its sticky key, because that one may be redacted.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const changes = collect(world.port.changes$);
      const content = { msc4354_sticky_key: "one" };
      const first = await world.sendSticky(roomId, { type: stickyType, content, encryption: "cleartext" });
      await world.sync();
      const second = await world.sendSticky(roomId, { type: stickyType, content, encryption: "cleartext" });
      await world.sync();
      await stickyOf(world, roomId, second);
      checkEqual(idsOf(world.port.stickyEvents(roomId)).toSorted(), [first, second].toSorted(), "stickyEvents");
      await world.redact(roomId, second);
      await world.sync();
      checkEqual(idsOf(world.port.stickyEvents(roomId)), [first], "stickyEvents after the redaction");
      changes.end();
    },
  },
  {
    title: "An undecryptable sticky event is read as undecryptable.",
    needs: { encryption: true },
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: true });
      const changes = collect(world.port.changes$);
      const eventId = await world.sendSticky(roomId, { type: stickyType, content: {}, encryption: "undecryptable" });
      await world.sync();
      const { type, sender, encryption } = await stickyOf(world, roomId, eventId);
      const { userId } = world.other;
      checkEqual(
        { type, sender, encryption },
        { type: "m.room.encrypted", sender: userId, encryption: "undecryptable" },
        "the event",
      );
      changes.end();
    },
  },
  {
    title: "An encrypted sticky event is read with its decrypted type and content.",
    needs: { encryption: true },
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: true });
      const changes = collect(world.port.changes$);
      const content = { msc4354_sticky_key: "one" };
      const eventId = await world.sendSticky(roomId, { type: stickyType, content, encryption: "decrypted" });
      await world.sync();
      const event = await stickyOf(world, roomId, eventId, ({ encryption }) => encryption === "decrypted");
      checkEqual({ type: event.type, content: event.content }, { type: stickyType, content }, "the decrypted event");
      changes.end();
    },
  },
];
