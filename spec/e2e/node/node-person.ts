// NodePerson: a member in Node for a call of the call app, in a process of its own.
import { type Account, joinRoom, register } from "../account.ts";
import { NodeMember } from "../../node-member/node-member.ts";
import { toneOf } from "../../node-member/tone.ts";
import type { World } from "../world.ts";

export const roomOf = (link: string): string => new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;

/** Registers in the room of a link and starts. It is not in the call yet. */
export async function nodePerson({ stack, mode }: World, name: string, link: string): Promise<NodeMember> {
  const account = await register(stack.homeserver, name);
  return nodeMemberOf(account, name, link, mode);
}

async function nodeMemberOf(account: Account, name: string, link: string, mode: string): Promise<NodeMember> {
  const roomId = roomOf(link);
  await joinRoom(account, roomId);
  return NodeMember.start(name, { ...account, roomId, mode, hz: toneOf(0), tones: {}, hasVideo: true });
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
  } finally {
    await Promise.all(members.map((member) => member.end()));
  }
}
