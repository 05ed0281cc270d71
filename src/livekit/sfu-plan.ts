// SfuPlan: which SFUs to be connected to now, what for, and which members are on each. Pure. protocol.md 6.5.
import { transportOf } from "../membership/transport.ts";
import type { Membership, OwnMember, Transport } from "../types.ts";
import { transportKey } from "./transport-key.ts";

/** A connection that is wanted. */
export interface WantedSfu {
  /** One connection has one key: the SFU, and the identity that we have there. */
  readonly key: string;
  /** The SFU alone. */
  readonly sfu: string;
  readonly transport: Transport;
  /** `publish`: our media goes there, and we receive the members that are there. `subscribe`: only the latter. */
  readonly purpose: "publish" | "subscribe";
  /** Our own member in it. */
  readonly own: OwnMember;
  /** The member whose transport it is, if it is not ours. */
  readonly namedBy: Membership | undefined;
  /** The other members that publish there, oldest first. */
  readonly members: readonly Membership[];
}

/** Why a member is on no SFU of the plan. */
export type Unplanned = "no-common-transport" | "too-many-sfus";

export interface SfuPlan {
  readonly wanted: readonly WantedSfu[];
  readonly unplanned: ReadonlyMap<Membership, Unplanned>;
}

export interface PlanInput {
  /** Undefined while we are not in the call: then nothing is wanted. */
  readonly own: OwnMember | undefined;
  /** The transports that we publish on: the newest first, then those that we are leaving. */
  readonly publishOn: readonly Transport[];
  /** All members, oldest first. */
  readonly members: readonly Membership[];
  /** How many SFUs beside ours. */
  readonly maxSfus: number;
}

interface Place {
  readonly transport: Transport;
  readonly namedBy: Membership | undefined;
  readonly members: Membership[];
}

/** Each user can name one SFU beside those that are wanted anyway: a hostile user has many devices. */
const maxSfusPerUser = 1;

/** Decides which connections are wanted. An equal transport gives an equal key, so that nothing is connected again. */
export function planSfus({ own, publishOn, members, maxSfus }: PlanInput): SfuPlan {
  const unplanned = new Map<Membership, Unplanned>();
  if (!own) return { wanted: [], unplanned };
  const [oldest] = members;
  const places = new Map<string, Place>();
  const publishing = new Set<string>();
  for (const transport of publishOn) {
    const sfu = transportKey(transport);
    if (sfu === undefined || publishing.has(sfu)) continue;
    publishing.add(sfu);
    places.set(sfu, { transport, namedBy: undefined, members: [] });
  }
  const countOf = new Map<string, number>();
  for (const member of members) {
    if (isOwn(member, own)) continue;
    const transport = oldest && transportOf(member, oldest);
    const sfu = transport && transportKey(transport);
    if (!transport || sfu === undefined) {
      unplanned.set(member, "no-common-transport");
      continue;
    }
    const place = places.get(sfu);
    if (place) {
      place.members.push(member);
      continue;
    }
    const count = countOf.get(member.userId) ?? 0;
    if (count >= maxSfusPerUser || places.size - publishing.size >= maxSfus) {
      unplanned.set(member, "too-many-sfus");
      continue;
    }
    countOf.set(member.userId, count + 1);
    places.set(sfu, { transport, namedBy: namedBy(transport, member, oldest), members: [member] });
  }
  const wanted = Array.from(places, ([sfu, place]): WantedSfu => {
    const purpose = publishing.has(sfu) ? "publish" : "subscribe";
    return { ...place, key: keyOf(sfu, purpose, own), sfu, purpose, own };
  });
  return { wanted, unplanned };
}

/** A member that follows the oldest one has not chosen the address itself. */
const namedBy = (transport: Transport, member: Membership, oldest: Membership): Membership =>
  member.transports.includes(transport) ? member : oldest;

const isOwn = (member: Membership, own: OwnMember): boolean => member.participantIdentity === own.participantIdentity;

/** A token to receive gives a state member another identity than one to publish, and a sticky member the same. */
function keyOf(sfu: string, purpose: WantedSfu["purpose"], own: OwnMember): string {
  const isReceiver = purpose === "subscribe" && own.kind === "state";
  return `${isReceiver ? "receiver" : own.participantIdentity} ${sfu}`;
}
