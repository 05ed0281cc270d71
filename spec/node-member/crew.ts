// Crew: members in processes of their own, all in one room, each with a tone of its own.
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
  /** How many processes start at the same time. */
  readonly atOnce?: number;
  readonly onStarted?: (count: number) => void;
}

const names = ["Alice", "Bob", "Carl", "Dora", "Emil", "Fay"];
export const nameAt = (at: number): string => names[at] ?? `Member ${at + 1}`;

/** Registers everybody, makes a room, and starts the processes. Nobody is in the call yet. */
export async function startCrew(options: CrewOptions): Promise<NodeMember[]> {
  const { homeservers, mode, settings = () => ({}), prefix = () => [], atOnce = 3, onStarted = () => {} } = options;
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
    for (let at = 0; at < accounts.length; at += atOnce) {
      const started = accounts
        .slice(at, at + atOnce)
        .map((account, of) =>
          NodeMember.start(
            nameAt(at + of),
            { ...account, roomId, mode, hz: toneOf(at + of), tones, ...settings(at + of) },
            prefix(at + of),
          ),
        );
      // The next ones start when these have started, because each start costs more than a second of CPU.
      // oxlint-disable-next-line no-await-in-loop
      members.push(...(await Promise.all(started)));
      onStarted(members.length);
    }
    return members;
  } catch (error) {
    await Promise.all(members.map((member) => member.end()));
    throw error;
  }
}
