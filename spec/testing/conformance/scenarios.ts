// Scenarios: requests and deeds whose outcomes must be the same on the virtual homeserver and on a real one.
import type { Matrix, OutgoingEvent } from "../../../src/matrix.ts";
import { eventually, type Lab, Log, type Name, sleep } from "./lab.ts";

export interface Scenario {
  readonly title: string;
  readonly play: (lab: Lab, log: Log) => Promise<void>;
}

/** Plays a scenario, and returns its log. */
export async function outcomesOf({ play }: Scenario, lab: Lab): Promise<readonly string[]> {
  const log = new Log(lab);
  await play(lab, log);
  return log.lines;
}

const memberType = "org.matrix.msc3401.call.member";
const stickyType = "org.matrix.msc4143.rtc.member";
const both: readonly Name[] = ["alice", "bob"];

const keyOf = ({ userId, deviceId }: Matrix) => `_${userId}_${deviceId}_m.call`;
const member = (roomId: string, port: Matrix, content: Record<string, unknown>): OutgoingEvent => ({
  roomId,
  type: memberType,
  stateKey: keyOf(port),
  content,
});
const message = (roomId: string, txnId: string): OutgoingEvent => ({
  roomId,
  type: "m.room.message",
  txnId,
  content: { msgtype: "m.text", body: txnId },
});
const sticky = (roomId: string, txnId: string, content: Record<string, unknown> = { n: 1 }): OutgoingEvent => ({
  roomId,
  type: stickyType,
  txnId,
  stickyMs: 60_000,
  content: { msc4354_sticky_key: "one", ...content },
});
const shown = (port: Matrix, roomId: string, type: string, stateKey: string) =>
  port.stateEvent(roomId, type, stateKey)?.content ?? "none";

export const scenarios: readonly Scenario[] = [
  {
    title: "State events: one's own, the same again, another, that of another user, without power, from outside",
    async play(lab, log) {
      const [alice, bob, carl] = [lab.port("alice"), lab.port("bob"), lab.port("carl")];
      const roomId = log.knows(await lab.createRoom({ members: both, eventLevels: { "m.test": 50 } }));
      const [first] = await log.request("send", bob.send(member(roomId, bob, { n: 1 })));
      const [again] = await log.request("send the same again", bob.send(member(roomId, bob, { n: 1 })));
      log.note("is the same event", first === again);
      const [other] = await log.request("send another", bob.send(member(roomId, bob, { n: 2 })));
      log.note("is the same event", first === other);
      await log.request("send the first again", bob.send(member(roomId, bob, { n: 1 })));
      await log.request("overwrite that of bob", alice.send(member(roomId, bob, { n: 3 })));
      await log.request("send it again by bob", bob.send(member(roomId, bob, { n: 3 })));
      await log.state("the state", roomId, memberType);
      const foreign = { roomId, type: memberType, content: { n: 1 } };
      await log.request("a key that is another user", bob.send({ ...foreign, stateKey: alice.userId }));
      await log.request("a key that is oneself", bob.send({ ...foreign, stateKey: bob.userId }));
      await log.request("a type above one's power", bob.send({ ...foreign, type: "m.test", stateKey: "" }));
      await log.request(
        "a type of state without a level",
        bob.send({ ...foreign, type: "m.test.other", stateKey: "" }),
      );
      await log.request("the same by the creator", alice.send({ ...foreign, type: "m.test", stateKey: "" }));
      await log.request("from outside", carl.send(member(roomId, carl, { n: 1 })));
      const isShown = await eventually(
        () => JSON.stringify(shown(alice, roomId, memberType, keyOf(bob))) === '{"n":3}',
      );
      log.note("others see it", isShown);
    },
  },
  {
    title: "Timeline events: sent once for one transaction, read by others, redacted by their sender, not by others",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      const roomId = log.knows(await lab.createRoom({ members: both }));
      const subscription = alice.timeline$?.subscribe();
      const [first = ""] = await log.request("send", bob.send(message(roomId, "t1")));
      const [again] = await log.request("send again", bob.send(message(roomId, "t1")));
      log.note("is the same event", first === again);
      const [second = ""] = await log.request("send another", bob.send(message(roomId, "t2")));
      const read = () => [...alice.timeline!(roomId)].filter(({ type }) => type === "m.room.message");
      await eventually(() => read().length === 2);
      log.note(
        "alice reads",
        read().map(({ content, encryption }) => [content, encryption]),
      );
      await log.request("redacted by its sender", bob.redactEvent!(roomId, first, { txnId: "r1" }));
      const [byAlice = ""] = await log.request("send one by alice", alice.send(message(roomId, "t3")));
      await log.request("redacted by another", bob.redactEvent!(roomId, byAlice, { txnId: "r2" }));
      await log.request("redacted by a moderator", alice.redactEvent!(roomId, second, { txnId: "r3", reason: "no" }));
      await eventually(() => read().filter(({ content }) => Object.keys(content as object).length === 0).length === 2);
      log.note(
        "alice reads then",
        read().map(({ content }) => content),
      );
      const [page] = await log.request("the past", alice.olderEvents!(roomId, { limit: 3 }));
      log.note(
        "three events, newest first",
        page?.events.map(({ type, content }) => [type, Object.keys(content as object).toSorted()]),
      );
      log.note("there is more", page?.next !== undefined);
      subscription?.unsubscribe();
    },
  },
  {
    title: "Sticky events: sent once for one transaction, read with their duration, redacted",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      for (const encrypted of [false, true]) {
        const roomId = log.knows(await lab.createRoom({ members: both, encrypted }));
        const room = encrypted ? "encrypted room" : "room";
        const [first = ""] = await log.request(`${room}: send`, bob.send(sticky(roomId, "t1")));
        const [again] = await log.request(`${room}: send again`, bob.send(sticky(roomId, "t1")));
        log.note("is the same event", first === again);
        await log.request(`${room}: send another with the same key`, bob.send(sticky(roomId, "t2", { n: 2 })));
        const read = () => [...alice.stickyEvents(roomId)].filter(({ encryption }) => encryption !== "undecryptable");
        await eventually(() => read().length === 2);
        const fields = read().map(({ type, content, durationMs, encryption }) => [
          type,
          content,
          durationMs,
          encryption,
        ]);
        log.note(
          `${room}: alice reads`,
          fields.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
        );
        await log.request(`${room}: redact`, bob.redactEvent!(roomId, first, { txnId: "r1" }));
        await eventually(() => read().length === 1);
        log.note(
          `${room}: alice reads then`,
          read().map(({ content }) => content),
        );
      }
    },
  },
  {
    title: "Delayed state events: sent when they are due, restarted, sent at once, cancelled, and unknown afterwards",
    async play(lab, log) {
      const bob = lab.port("bob");
      const roomId = log.knows(await lab.createRoom({ members: both }));
      const schedule = async (n: number, delayMs: number) => {
        const [delayId = ""] = await log.request(`schedule ${n}`, bob.schedule(member(roomId, bob, { n }), delayMs));
        return delayId;
      };
      const due = await schedule(1, 400);
      await log.state("before it is due", roomId, memberType);
      await sleep(1_500);
      await log.state("after it was due", roomId, memberType);
      for (const action of ["restart", "send", "cancel"] as const)
        await log.request(`${action} one that was sent`, bob.updateDelayedEvent(due, action));

      const restarted = await schedule(2, 1_500);
      await sleep(1_000);
      await log.request("restart", bob.updateDelayedEvent(restarted, "restart"));
      await sleep(1_000);
      await log.state("after it would have been due", roomId, memberType);
      await log.request("send at once", bob.updateDelayedEvent(restarted, "send"));
      await log.state("after it was sent at once", roomId, memberType);
      await log.request("send it again", bob.updateDelayedEvent(restarted, "send"));

      const cancelled = await schedule(3, 800);
      await log.request("cancel", bob.updateDelayedEvent(cancelled, "cancel"));
      for (const action of ["restart", "send", "cancel"] as const)
        await log.request(`${action} one that was cancelled`, bob.updateDelayedEvent(cancelled, action));
      await sleep(1_200);
      await log.state("at the end", roomId, memberType);
      await log.request("an id that never was", bob.updateDelayedEvent("syd_nothing", "restart"));
    },
  },
  {
    title: "Delayed events that are overtaken: by the same key, by an equal event, by a leave of the room",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      const roomId = log.knows(await lab.createRoom({ members: both }));
      const [own = ""] = await log.request("schedule", bob.schedule(member(roomId, bob, {}), 60_000));
      await log.request("send the same key", bob.send(member(roomId, bob, { n: 1 })));
      await log.request("restart after it", bob.updateDelayedEvent(own, "restart"));
      await log.request("the same key by alice", alice.send(member(roomId, bob, { n: 2 })));
      await log.request("restart after that", bob.updateDelayedEvent(own, "restart"));
      await log.request("cancel", bob.updateDelayedEvent(own, "cancel"));
      const [due = ""] = await log.request("schedule", bob.schedule(member(roomId, bob, {}), 700));
      await lab.act("kick", roomId, "bob");
      await sleep(1_800);
      await log.state("after it was due, and bob kicked", roomId, memberType);
      await log.request("restart it", bob.updateDelayedEvent(due, "restart"));
      await log.request("schedule from outside", bob.schedule(member(roomId, bob, {}), 60_000));
    },
  },
  {
    title: "Delayed events and permissions: what may not be sent is dropped when it is due",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      const roomId = log.knows(await lab.createRoom({ members: both, eventLevels: { "m.test": 50 } }));
      const event: OutgoingEvent = { roomId, type: "m.test", stateKey: "", content: { n: 1 } };
      await log.request("schedule above one's power", bob.schedule(event, 300));
      await log.request(
        "schedule a key of another user",
        bob.schedule({ ...event, type: memberType, stateKey: alice.userId }, 300),
      );
      await sleep(1_300);
      await log.state("nothing is sent", roomId, "m.test");
      await log.state("nor here", roomId, memberType);
      await log.request("by the creator", alice.schedule(event, 300));
      await sleep(1_300);
      await log.state("it is sent", roomId, "m.test");
    },
  },
  {
    title: "Limits of delayed events: the longest delay, what the server says about itself",
    async play(lab, log) {
      const bob = lab.port("bob");
      const roomId = log.knows(await lab.createRoom({ members: both }));
      await log.request("longer than a day", bob.schedule(member(roomId, bob, {}), 86_400_001));
      await log.request("a day", bob.schedule(member(roomId, bob, {}), 86_400_000));
      const [limits] = await log.request("limits", bob.delayedEventLimits());
      log.note("has delayed events", limits !== false);
    },
  },
  {
    title: "Limits of delayed events: a hundred for each user",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      const roomId = log.knows(await lab.createRoom({ members: both }));
      const schedule = (port: Matrix, n: number) =>
        port.schedule({ roomId, type: memberType, stateKey: `_${port.userId}_${n}`, content: {} }, 3_600_000);
      const counts = new Log(lab);
      for (let n = 0; n < 100; n += 1) await counts.request("schedule", schedule(bob, n));
      log.note("a hundred", [...new Set(counts.lines)]);
      await log.request("one more", schedule(bob, 100));
      await log.request("of another user", schedule(alice, 0));
    },
  },
  {
    title: "Delayed sticky events are sent when they are due, in cleartext",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      const roomId = log.knows(await lab.createRoom({ members: both, encrypted: true }));
      await log.request("schedule", bob.schedule(sticky(roomId, "t1"), 300));
      const read = () => [...alice.stickyEvents(roomId)];
      await eventually(() => read().length === 1);
      log.note(
        "alice reads",
        read().map(({ type, content, durationMs, encryption }) => [type, content, durationMs, encryption]),
      );
    },
  },
  {
    title: "Kicked, banned and invited: who can send, and who can come back",
    async play(lab, log) {
      const bob = lab.port("bob");
      const roomId = log.knows(await lab.createRoom({ members: both }));
      const join = (step: string) => log.deed(step, lab.act("join", roomId, "bob"));
      const send = (step: string, n: number) => log.request(step, bob.send(member(roomId, bob, { n })));
      await lab.act("kick", roomId, "bob");
      await send("send after a kick", 1);
      await join("join after a kick");
      await lab.act("invite", roomId, "bob");
      await join("join after an invitation");
      await send("send after the return", 2);
      await lab.act("ban", roomId, "bob");
      await send("send after a ban", 3);
      await join("join after a ban");
      await log.deed("invite after a ban", lab.act("invite", roomId, "bob"));
      await lab.act("unban", roomId, "bob");
      await join("join after the ban was lifted");
      await lab.act("invite", roomId, "bob");
      await join("join after another invitation");
      await log.state("the members", roomId, "m.room.member");
      await log.state("the calls", roomId, memberType);
    },
  },
  {
    title: "Join rules: public, invite, knock",
    async play(lab, log) {
      const roomIds: string[] = [];
      for (const joinRule of ["public", "invite", "knock"] as const) {
        const roomId = log.knows(await lab.createRoom({ members: ["alice"], joinRule }));
        roomIds.push(roomId);
        await log.deed(`${joinRule}: knock`, lab.act("knock", roomId, "carl"));
        await log.deed(`${joinRule}: join`, lab.act("join", roomId, "carl"));
        await log.deed(`${joinRule}: knock as a member`, lab.act("knock", roomId, "alice"));
        await log.state(`${joinRule}: the members`, roomId, "m.room.member");
      }
    },
  },
  {
    title: "An upgrade of a room: the old one is closed, the new one has the same rules",
    async play(lab, log) {
      const bob = lab.port("bob");
      const roomId = log.knows(await lab.createRoom({ members: ["alice", "bob", "carl"], encrypted: true }));
      await lab.act("ban", roomId, "carl");
      const newRoomId = log.knows(await lab.upgrade(roomId));
      await log.request("a message in the old room", bob.send(message(roomId, "t1")));
      await log.request("a member in the old room", bob.send(member(roomId, bob, { n: 1 })));
      await log.deed("enter the new room uninvited", lab.act("join", newRoomId, "bob"));
      await lab.act("invite", newRoomId, "bob");
      await log.deed("enter the new room", lab.act("join", newRoomId, "bob"));
      await log.deed("enter it banned", lab.act("join", newRoomId, "carl"));
      await eventually(() => bob.hasRoom(newRoomId));
      await log.request("a member in the new room", bob.send(member(newRoomId, bob, { n: 1 })));
      await log.state("the members", newRoomId, "m.room.member");
      await log.state("the encryption", newRoomId, "m.room.encryption");
      await log.state("the tombstone leads to", roomId, "m.room.tombstone");
    },
  },
  {
    title: "Typing, receipts and presence arrive at others",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      const roomId = log.knows(await lab.createRoom({ members: both }));
      const subscription = alice.ephemeral$?.subscribe();
      await log.request("typing", bob.sendTyping!(roomId, true, 30_000));
      const typing = () => JSON.stringify(alice.ephemeral!("m.typing", roomId) ?? null);
      log.note("alice sees that bob types", await eventually(() => typing().includes(bob.userId)));
      await log.request("no more", bob.sendTyping!(roomId, false, 30_000));
      log.note("alice sees that bob stopped", await eventually(() => !typing().includes(bob.userId)));
      await log.request("for half a second", bob.sendTyping!(roomId, true, 500));
      log.note("alice sees it", await eventually(() => typing().includes(bob.userId)));
      log.note("and its end", await eventually(() => !typing().includes(bob.userId)));
      const [eventId = ""] = await log.request("send", alice.send(message(roomId, "t1")));
      await eventually(() => [...bob.timeline!(roomId)].some((event) => event.eventId === eventId));
      await log.request("receipt", bob.sendReceipt!(roomId, eventId));
      const receipt = () => JSON.stringify(alice.ephemeral!("m.receipt", roomId) ?? null);
      log.note("alice sees it", await eventually(() => receipt().includes(eventId) && receipt().includes(bob.userId)));
      await lab.setPresence("bob", "in a call");
      const presence = () => JSON.stringify(alice.ephemeral!("m.presence", bob.userId) ?? null);
      log.note("alice sees the presence of bob", await eventually(() => presence().includes("in a call")));
      await log.request("typing from outside", lab.port("carl").sendTyping!(roomId, true, 30_000));
      subscription?.unsubscribe();
    },
  },
  {
    title: "To-device messages have an outcome for each device, and arrive with the proof of their sender",
    async play(lab, log) {
      const [alice, bob] = [lab.port("alice"), lab.port("bob")];
      // Devices are known to those who share an encrypted room.
      log.knows(await lab.createRoom({ members: both, encrypted: true }));
      const received: unknown[] = [];
      // A port passes on what belongs to calls.
      const callType = "io.element.call.test";
      const subscription = alice.toDevice$.subscribe(({ type, sender, content, proof, proof$ }) => {
        if (type === callType) received.push([sender, content, proof !== undefined || proof$ !== undefined]);
      });
      const missing = { userId: alice.userId, deviceId: "MISSING" };
      const outcomes = await log.request("send", bob.sendToDevice([alice, missing], callType, { n: 1 }));
      for (const { deviceId } of [alice, missing])
        log.note(`the outcome for ${deviceId}`, outcomes.find((one) => one.deviceId === deviceId)?.outcome);
      await eventually(() => received.length > 0);
      log.note("alice gets", received);
      subscription.unsubscribe();
    },
  },
];
