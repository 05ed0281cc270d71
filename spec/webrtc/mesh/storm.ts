// A storm: two or three peers whose messages are lost, doubled and out of order, while they mute, share, hang and come back.
import { BehaviorSubject, delay, of, Subject, Subscription, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import type { Device, ToDeviceOutcome } from "../../../src/matrix.ts";
import type { OutgoingMedia } from "../../../src/media/outgoing.ts";
import { virtualPeers } from "../../../src/testing/index.ts";
import { RandomNumbers } from "../../../src/testing/random-numbers.ts";
import { readEnvelope } from "../../../src/webrtc/mesh/envelope.ts";
import type { Arrival } from "../../../src/webrtc/mesh/pair-model.ts";
import { callsFirst, type PeerId, peerKey } from "../../../src/webrtc/mesh/peer-id.ts";
import { runPair, type RunningPair } from "../../../src/webrtc/mesh/run-pair.ts";
import { sending } from "../scene.ts";

/** What became of a storm. */
export interface Outcome {
  /** What is wrong at its end: nothing, if all is well. */
  readonly problems: readonly string[];
  readonly lost: number;
  readonly calls: number;
}

/** How long the storm lasts, and how long the calm after it may take. */
const stormMs = 20_000;
const calmMs = 120_000;
const mediaWords = ["mic cam", "mic! cam", "mic", "mic cam!", "mic cam screen", "mic! cam! screen sound", ""];

interface Entry {
  readonly arrival$: Subject<Arrival>;
  readonly running: Subscription;
  last?: RunningPair;
}

interface Node {
  readonly name: string;
  readonly peer: PeerId;
  readonly media$: BehaviorSubject<OutgoingMedia>;
  words: string;
  readonly pairs: Map<string, Entry>;
}

export function storm(seed: number, count: number): Outcome {
  let outcome: Outcome = { problems: ["did not run"], lost: 0, calls: 0 };
  new TestScheduler(() => {}).run(({ flush }) => {
    const numbers = new RandomNumbers(seed);
    const random = () => numbers.next();
    const chance = (probability: number) => random() < probability;
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const [lossRate, doubleRate, failRate] = [0.15 * random(), 0.15 * random(), 0.2 * random()];
    const peers = virtualPeers({ operationMs: 1 + Math.floor(random() * 20) });
    const nodes: Node[] = [];
    let lost = 0;
    let calls = 0;
    let isStormy = true;

    const deliver = (from: Node, to: Device, type: string, content: object) => {
      const target = nodes.find(({ peer }) => peer.userId === to.userId && peer.deviceId === to.deviceId);
      const travelled: unknown = JSON.parse(JSON.stringify(content));
      const { userId, deviceId } = from.peer;
      const message = { type, sender: userId, content: travelled, proof: { deviceId, crossSigned: true } };
      timer(isStormy ? Math.floor(5 + random() * 400) : 10).subscribe(() => {
        const read = target && readEnvelope(message, context, target.peer, false);
        if (!read || !("accepted" in read)) return;
        const { from: sender, toSessionId, ...arrival } = read.accepted;
        if (toSessionId === target.peer.sessionId) target.pairs.get(peerKey(sender))?.arrival$.next(arrival);
      });
    };

    const send = (node: Node, target: Device, type: string, content: object) => {
      const result = (sent: ToDeviceOutcome["outcome"]) => of({ ...target, outcome: sent }).pipe(delay(5));
      if (isStormy && chance(failRate)) return result("failed");
      if (isStormy && chance(lossRate)) lost += 1;
      else deliver(node, target, type, content);
      if (isStormy && chance(doubleRate)) deliver(node, target, type, content);
      return result("sent");
    };

    const open = (node: Node, other: Node) => {
      const arrival$ = new Subject<Arrival>();
      const entry: Entry = { arrival$, running: new Subscription() };
      node.pairs.set(peerKey(other.peer), entry);
      entry.running.add(
        runPair({
          own: node.peer,
          peer: other.peer,
          isCaller: callsFirst(node.peer, other.peer),
          name: `${seed} ${node.name} ${other.name}`,
          context,
          matrix: { sendToDevice: ([device], type, content) => send(node, device!, type, content) },
          peers: peers.device(node.name),
          relayOnly: false,
          servers$: new BehaviorSubject([]),
          media$: node.media$,
          arrival$,
          leave$: new Subject(),
          trace: ({ kind }) => (calls += kind === "call-opened" ? 1 : 0),
        }).subscribe((running) => (entry.last = running)),
      );
    };

    const enter = (name: string, session: number): Node => {
      const words = pick(mediaWords);
      const node: Node = {
        name,
        peer: { userId: `@${name}:x.org`, deviceId: "D", sessionId: `${name} ${session}` },
        media$: new BehaviorSubject(sending(words)),
        words,
        pairs: new Map(),
      };
      nodes.push(node);
      return node;
    };
    const connect = (one: Node, other: Node) => {
      // Memberships come at different times.
      timer(Math.floor(random() * 500)).subscribe(
        () => nodes.includes(one) && nodes.includes(other) && open(one, other),
      );
      timer(Math.floor(random() * 500)).subscribe(
        () => nodes.includes(one) && nodes.includes(other) && open(other, one),
      );
    };
    const remove = (node: Node) => {
      nodes.splice(nodes.indexOf(node), 1);
      for (const { running } of node.pairs.values()) running.unsubscribe();
      for (const other of nodes) {
        other.pairs.get(peerKey(node.peer))?.running.unsubscribe();
        other.pairs.delete(peerKey(node.peer));
      }
    };

    for (const name of ["a", "b", "c"].slice(0, count)) enter(name, 0);
    for (const [at, node] of nodes.entries()) for (const other of nodes.slice(at + 1)) connect(node, other);
    const actions = 2 + Math.floor(random() * 8);
    for (let action = 1; action <= actions; action += 1) {
      timer(Math.floor(random() * stormMs)).subscribe(() => {
        const node = pick(nodes);
        const dice = random();
        if (dice < 0.7) {
          node.words = pick(mediaWords);
          node.media$.next(sending(node.words));
        } else if (dice < 0.85) {
          peers.cut(node.name);
          timer(Math.floor(random() * 9_000)).subscribe(() => peers.heal(node.name));
        } else {
          remove(node);
          const back = enter(node.name, action);
          for (const other of nodes) if (other !== back) connect(other, back);
        }
      });
    }
    timer(stormMs).subscribe(() => (isStormy = false));
    timer(stormMs + calmMs).subscribe(() => {
      outcome = { problems: problemsOf(nodes, peers), lost, calls };
      for (const node of nodes.slice()) remove(node);
      if (peers.open.length > 0) outcome = { ...outcome, problems: [...outcome.problems, "open peer connections"] };
    });
    flush();
  });
  return outcome;
}

const context = { roomId: "!r", slot: "m.call#ROOM" };

function problemsOf(nodes: readonly Node[], peers: ReturnType<typeof virtualPeers>): readonly string[] {
  const problems: string[] = [];
  for (const node of nodes)
    for (const other of nodes) {
      if (node === other) continue;
      const { last } = node.pairs.get(peerKey(other.peer)) ?? {};
      const connection = last?.pair.call?.link?.connection;
      if (connection !== "connected")
        problems.push(`${node.name} to ${other.name}: ${connection} ${last?.pair.trouble?.code}`);
    }
  const expected = nodes.flatMap((from) =>
    nodes
      .filter((to) => to !== from)
      .flatMap((to) =>
        Object.entries(sending(from.words)).flatMap(([source, { muted }]) =>
          muted ? [] : [`${from.name}>${to.name} ${source}`],
        ),
      ),
  );
  const flows = peers.flows().join();
  if (flows !== expected.toSorted().join()) problems.push(`flows ${flows} instead of ${expected.toSorted().join()}`);
  const sessions = peers.open.map(({ session }) => session);
  for (const { local, remote, signaling } of sessions) {
    if (signaling !== "stable") problems.push(`a session is ${signaling}`);
    const other = sessions.find((one) => one.remote?.origin === local?.origin);
    if (JSON.stringify(other?.remote) !== JSON.stringify(local)) problems.push("a local description is no remote one");
    if (JSON.stringify(other?.local) !== JSON.stringify(remote)) problems.push("a remote description is no local one");
  }
  return problems;
}
