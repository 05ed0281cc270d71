// NodePerson: a member in Node for a call of the call app, in a process of its own.
import { joinRoom, register } from "../account.ts";
import { writeLogs } from "../../node-member/logs.ts";
import { NodeMember } from "../../node-member/node-member.ts";
import type { MemberSettings } from "../../node-member/report.ts";
import { toneOf } from "../../node-member/tone.ts";
import type { World } from "../world.ts";

const hashOf = (link: string): URLSearchParams => new URLSearchParams(new URL(link).hash.slice(1));

/** Registers, enters the room of a link and starts. It is not in the call yet. */
export async function nodePerson(
  { stack, mode }: World,
  name: string,
  link: string,
  settings: Partial<MemberSettings> = {},
): Promise<NodeMember> {
  const account = await register(stack.homeserver, name);
  const roomId = hashOf(link).get("room")!;
  await joinRoom(account, roomId, hashOf(link).get("via") ?? undefined);
  return NodeMember.start(name, { ...account, roomId, mode, hz: toneOf(0), tones: {}, hasVideo: true, ...settings });
}

/** Runs something with members, and ends their processes in any case. */
export async function withNodeMembers<T>(run: (own: (member: NodeMember) => NodeMember) => Promise<T>): Promise<T> {
  const members: NodeMember[] = [];
  const own = (member: NodeMember) => {
    members.push(member);
    return member;
  };
  try {
    return await run(own);
  } catch (error) {
    // The members end here, so what they have decided has to be kept here.
    const path = await writeLogs(`e2e-${members.map(({ name }) => name).join("-")}`, members);
    throw new Error(`${error instanceof Error ? error.message : String(error)} (${path})`, { cause: error });
  } finally {
    await Promise.all(members.map((member) => member.end()));
  }
}
