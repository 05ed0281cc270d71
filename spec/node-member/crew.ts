// Crew: members in other processes, all in one room, each with a tone of its own.
import { type Account, createRoom, joinRoom, register } from "../e2e/account.ts";
import { NodeMember } from "./node-member.ts";
import type { MemberSettings } from "./report.ts";
import { toneOf } from "./tone.ts";

export interface CrewOptions {
  /** The homeserver of each member, in their order. */
  readonly homeservers: readonly string[];
  readonly mode: string;
  readonly settings?: (at: number) => Partial<MemberSettings>;
  /** The command that runs the process of a member elsewhere. */
  readonly prefix?: (at: number) => readonly string[];
  /** How many processes start at the same time. Default 3. */
  readonly atOnce?: number;
  /** How many members share a process. Default 1. */
  readonly together?: number;
  readonly onStarted?: (count: number) => void;
}

const names = ["Alice", "Bob", "Carl", "Dora", "Emil", "Fay"];
export const nameAt = (at: number): string => names[at] ?? `Member ${at + 1}`;

/** Registers everybody, makes a room, and starts the processes. Nobody is in the call yet. */
export async function startCrew(options: CrewOptions): Promise<NodeMember[]> {
  const { homeservers, mode, settings = () => ({}), prefix = () => [], atOnce = 3, together = 1 } = options;
  const { onStarted = () => {} } = options;
  const accounts: Account[] = [];
  // Homeservers limit how fast users register.
  // oxlint-disable-next-line no-await-in-loop
  for (const [at, homeserver] of homeservers.entries())
    accounts.push(await register(homeserver, nameAt(at).split(" ")[0]!));
  const [first, ...others] = accounts;
  const roomId = await createRoom(first!);
  const server = first!.userId.slice(first!.userId.indexOf(":") + 1);
  // oxlint-disable-next-line no-await-in-loop
  for (const account of others) await joinRoom(account, roomId, server);
  const tones = Object.fromEntries(accounts.map(({ userId }, at) => [userId, toneOf(at)]));

  const members: NodeMember[] = [];
  try {
    const all = accounts.map((account, at) => ({
      name: nameAt(at),
      settings: { ...account, roomId, mode, hz: toneOf(at), tones, ...settings(at) },
    }));
    for (let at = 0; at < all.length; at += atOnce * together) {
      const starting = Array.from({ length: atOnce }, (_, of) => at + of * together).filter(
        (from) => from < all.length,
      );
      // The next ones start when these have started, because each start costs more than a second of CPU.
      // oxlint-disable-next-line no-await-in-loop
      const started = await Promise.all(
        starting.map((from) => NodeMember.startTogether(all.slice(from, from + together), prefix(from))),
      );
      members.push(...started.flat());
      onStarted(members.length);
    }
    return members;
  } catch (error) {
    await Promise.all(members.map((member) => member.end()));
    throw error;
  }
}
