// ConformanceChanges: the promises of the port about changes and received messages. docs/port.md.
import { mergeMap, type Observable } from "rxjs";
import type { RoomChange, RoomKeyEvent, ToDeviceMessage } from "../matrix.ts";
import { proven } from "../room/proven.ts";
import { roomKeyType, stateMemberType } from "../room/names.ts";
import { check, checkEqual, collect, eventually, type PortPromise } from "./conformance-checks.ts";
import { messageType, stickyType } from "./conformance-events.ts";
import { stickyOf } from "./conformance-reading.ts";

const wordOf = (change: RoomChange): string => {
  if (change.kind === "state") return `state ${change.type} ${change.stateKey}`;
  if (change.kind === "sticky") return `sticky ${change.event.eventId}`;
  return change.kind === "redaction" ? `redaction ${change.eventId}` : change.kind;
};
const wordsOf = (batches: readonly (readonly RoomChange[])[]): string[][] => batches.map((batch) => batch.map(wordOf));

export const changePromises: readonly PortPromise[] = [
  {
    title: "All changes of one sync response are one batch, which names every changed place.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const changes = collect(world.port.changes$);
      await world.setState(roomId, { type: stateMemberType, stateKey: "_one", content: {} });
      await world.setState(roomId, { type: stateMemberType, stateKey: "_two", content: {} });
      const eventId = await world.sendSticky(roomId, { type: stickyType, content: {}, encryption: "cleartext" });
      await world.sync();
      const words = wordsOf(changes.values).map((batch) => batch.toSorted());
      const expected = [`state ${stateMemberType} _one`, `state ${stateMemberType} _two`, `sticky ${eventId}`];
      checkEqual(words, [expected], "the batches");
      changes.end();
    },
  },
  {
    title: "The new value of a changed place can be read when the change is emitted.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const { port } = world;
      const found: unknown[] = [];
      const changes = port.changes$.subscribe(() => {
        found.push(port.stateEvent(roomId, stateMemberType, "_one")?.content, [...port.stickyEvents(roomId)].length);
      });
      await world.setState(roomId, { type: stateMemberType, stateKey: "_one", content: { version: 2 } });
      await world.sendSticky(roomId, { type: stickyType, content: {}, encryption: "cleartext" });
      await world.sync();
      checkEqual(found, [{ version: 2 }, 1], "what a subscriber reads");
      changes.unsubscribe();
    },
  },
  {
    title: "A sticky change carries the event that can be read.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const changes = collect(world.port.changes$);
      const eventId = await world.sendSticky(roomId, { type: stickyType, content: {}, encryption: "cleartext" });
      await world.sync();
      const read = await stickyOf(world, roomId, eventId);
      const [change] = changes.values.flat();
      check(change?.kind === "sticky", `expected a sticky change, found ${JSON.stringify(change)}`);
      checkEqual(change.event, read, "the event of the change");
      check(change.event.content === read.content, "the content in the change is another object than the one read");
      changes.end();
    },
  },
  {
    title: "A room that appears is a change of the whole room, and can be read when the change is emitted.",
    check: async (world) => {
      const { port } = world;
      const found: unknown[] = [];
      const changes = port.changes$.subscribe((batch) => {
        for (const { roomId, kind } of batch) {
          if (kind === "room")
            found.push(port.hasRoom(roomId), port.stateEvent(roomId, "m.room.create", "") !== undefined);
        }
      });
      await world.createRoom({ encrypted: false });
      checkEqual(found, [true, true], "hasRoom, and whether m.room.create can be read");
      changes.unsubscribe();
    },
  },
  {
    title: "Our own leave of a room, and our return, are changes of the whole room.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const changes = collect(world.port.changes$);
      for (const membership of ["leave", "join"] as const) {
        await world.setOwnMembership(roomId, membership);
        await world.sync();
      }
      const words = wordsOf(changes.values);
      check(
        words.length === 2 && words.every((batch) => batch.includes("room")),
        `expected two batches with a change of the room, found ${JSON.stringify(words)}`,
      );
      changes.end();
    },
  },
  {
    title: "A redaction of a state event is a change of its place.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const content = { application: "m.call" };
      const eventId = await world.setState(roomId, { type: stateMemberType, stateKey: "_one", content });
      await world.sync();
      const changes = collect(world.port.changes$);
      await world.redact(roomId, eventId);
      await world.sync();
      const words = wordsOf(changes.values).flat();
      check(words.includes(`state ${stateMemberType} _one`), `no state change, found ${JSON.stringify(words)}`);
      changes.end();
    },
  },
  {
    title: "A redaction of a sticky event is emitted, and the event cannot be read any more.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const changes = collect(world.port.changes$);
      const eventId = await world.sendSticky(roomId, { type: stickyType, content: {}, encryption: "cleartext" });
      await world.sync();
      await stickyOf(world, roomId, eventId);
      await world.redact(roomId, eventId);
      await world.sync();
      const words = wordsOf(changes.values);
      check(words.at(-1)?.includes(`redaction ${eventId}`) === true, `no redaction, found ${JSON.stringify(words)}`);
      checkEqual([...world.port.stickyEvents(roomId)], [], "stickyEvents");
      changes.end();
    },
  },
  {
    title: "A batch is emitted when the connection is back, even if nothing changed.",
    check: async (world) => {
      await world.createRoom({ encrypted: false });
      const changes = collect(world.port.changes$);
      await world.interrupt();
      await eventually(
        world,
        () => changes.values.length > 0,
        () => "nothing was emitted",
      );
      changes.end();
    },
  },
  {
    title: "All subscribers get the same changes, and nothing after they unsubscribe.",
    check: async (world) => {
      const roomId = await world.createRoom({ encrypted: false });
      const [first, second] = [collect(world.port.changes$), collect(world.port.changes$)];
      const change = async (stateKey: string) => {
        await world.setState(roomId, { type: stateMemberType, stateKey, content: {} });
        await world.sync();
      };
      await change("_one");
      first.end();
      await change("_two");
      second.end();
      await change("_three");
      const words = ["_one", "_two"].map((key) => [`state ${stateMemberType} ${key}`]);
      checkEqual(wordsOf(first.values), words.slice(0, 1), "the batches of the first subscriber");
      checkEqual(wordsOf(second.values), words, "the batches of the second subscriber");
    },
  },
  {
    title: "The port has listeners on its client only while somebody is subscribed.",
    check: async (world) => {
      const { port } = world;
      if (!world.listenerCount) return;
      const before = world.listenerCount();
      const streams: Observable<unknown>[] = [port.changes$, port.toDevice$, ...(port.roomKey$ ? [port.roomKey$] : [])];
      const subscriptions = [...streams, ...streams].map((stream$) => stream$.subscribe());
      const during = world.listenerCount();
      check(during > before, "no listener was added, so listenerCount cannot be right");
      for (const subscription of subscriptions) subscription.unsubscribe();
      checkEqual(world.listenerCount(), before, "the number of listeners after the last subscriber");
    },
  },
  {
    title: "A cleartext to-device message arrives without a proof.",
    check: async (world) => {
      const messages = collect(world.port.toDevice$);
      await world.sendToDevice({ type: messageType, content: { n: 1 }, encrypted: false });
      await world.sync();
      await eventually(
        world,
        () => messages.values.length > 0,
        () => "no message arrived",
      );
      const expected: ToDeviceMessage = { type: messageType, sender: world.other.userId, content: { n: 1 } };
      checkEqual(messages.values, [expected], "the messages");
      messages.end();
    },
  },
  {
    title: "Encrypted to-device messages arrive in order, with a proof that names their device.",
    needs: { encryption: true },
    check: async (world) => {
      const messages = collect(world.port.toDevice$.pipe(mergeMap(proven)));
      for (const n of [1, 2, 3]) await world.sendToDevice({ type: messageType, content: { n }, encrypted: true });
      await world.sync();
      await eventually(
        world,
        () => messages.values.length >= 3,
        () => `expected 3 messages, found ${messages.values.length}`,
      );
      const { userId: sender, deviceId } = world.other;
      const contents = messages.values.map(({ content }) => content);
      checkEqual(contents, [{ n: 1 }, { n: 2 }, { n: 3 }], "the contents");
      for (const { proof, ...message } of messages.values) {
        checkEqual([message.type, message.sender], [messageType, sender], "type and sender");
        checkEqual(proof?.deviceId, deviceId, "the device of the proof");
        checkEqual(typeof proof?.crossSigned, "boolean", "the type of proof.crossSigned");
      }
      messages.end();
    },
  },
  {
    title: "Media keys in encrypted timeline events arrive with a proof, if the port has roomKey$.",
    needs: { encryption: true },
    check: async (world) => {
      const { port } = world;
      if (!port.roomKey$) return;
      check(world.sendTimeline !== undefined, "a port with roomKey$ needs a world with sendTimeline");
      const roomId = await world.createRoom({ encrypted: true });
      const keys = collect<RoomKeyEvent>(port.roomKey$);
      await world.sendTimeline(roomId, { type: roomKeyType, content: { keys: [] } });
      await world.sync();
      await eventually(
        world,
        () => keys.values.length > 0,
        () => "no event arrived",
      );
      const [key] = keys.values;
      const { userId: sender, deviceId } = world.other;
      const found = [key?.roomId, key?.sender, key?.content, key?.proof.deviceId];
      checkEqual(found, [roomId, sender, { keys: [] }, deviceId], "room, sender, content and device");
      keys.end();
    },
  },
];
