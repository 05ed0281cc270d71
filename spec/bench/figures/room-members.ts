// roomProfile, roomMembers: a room of 10,000 members with all its streams subscribed to: one member renamed, and all of them in one batch.
import { matrixRoom } from "matrixrtc-rx/room";
import { range, type RawEvent, roomId, roomMember, userName } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { type MemoryBatch, MemoryPort } from "../memory-port.ts";
import { SdkClient } from "../sdk-client.ts";

const memberCount = 10_000;
/** Renamed one after the other in one run. */
const renameCount = 50;

const named = (n: number, displayname: string): RawEvent => {
  const event = roomMember(userName(n));
  return { ...event, content: { ...event.content, displayname } };
};
const everybody = () => range(0, memberCount).map((n) => named(n, `User ${n}`));

export async function roomMembers({ turns }: Effort): Promise<Figure[]> {
  const profile = await inTurns(turns, { ours: oursRename(), peer: peerRename() });
  const members = await inTurns(Math.ceil(turns / 4), { ours: oursBatchMs, peer: peerBatchMs });
  return [
    {
      ...profile,
      name: "roomProfile",
      what: `a member of ${memberCount} is renamed: one emission of members$, with profile$, name$ and permissions$ beside it`,
      unit: "us",
      goal: { atMost: 20 },
    },
    {
      ...members,
      name: "roomMembers",
      what: `${memberCount} members in one batch, with members$ subscribed to`,
      unit: "ms",
      goal: { atMost: 30 },
    },
  ];
}

function oursRename(): () => Promise<number> {
  const port = new MemoryPort();
  port.apply(port.prepare(everybody()));
  const room = matrixRoom(port, roomId);
  let emissions = 0;
  room.members$.subscribe(() => (emissions += 1));
  room.name$.subscribe();
  for (const n of range(0, 10)) room.profile$(userName(n)).subscribe();
  room.permissions$(userName(0)).subscribe();
  let renamed = 0;
  return async () => {
    const batches = range(renamed, (renamed += renameCount)).map((n) =>
      port.prepare([named((n * 7919) % memberCount, `Name ${n}`)]),
    );
    const before = emissions;
    const ms = await elapsedMs(batches.map((batch) => () => port.apply(batch)));
    if (emissions - before !== renameCount) throw new Error(`${emissions - before} emissions`);
    return (ms / renameCount) * 1000;
  };
}

function peerRename(): () => Promise<number> {
  const sdk = new SdkClient();
  sdk.apply(sdk.prepare(everybody()));
  let renamed = 0;
  return async () => {
    const batches = range(renamed, (renamed += renameCount)).map((n) =>
      sdk.prepare([named((n * 7919) % memberCount, `Name ${n}`)]),
    );
    const ms = await elapsedMs(batches.map((batch) => () => sdk.apply(batch)));
    return (ms / renameCount) * 1000;
  };
}

async function oursBatchMs(): Promise<number> {
  const port = new MemoryPort();
  port.apply(port.prepare([roomMember("@first:example.org")]));
  const batch: MemoryBatch = port.prepare(everybody());
  let last = 0;
  const subscription = matrixRoom(port, roomId).members$.subscribe((members) => (last = members.length));
  const ms = await elapsedMs([() => port.apply(batch)]);
  subscription.unsubscribe();
  if (last !== memberCount + 1) throw new Error(`${last} members`);
  return ms;
}

async function peerBatchMs(): Promise<number> {
  const sdk = new SdkClient();
  const batch = sdk.prepare(everybody());
  return elapsedMs([() => sdk.apply(batch)]);
}
