// KeyRequests: when to request a missing key, and when to write our membership again for peers that do not answer.
// Pitfalls 2, item 1. protocol.md 5.7.
import type { Peer } from "./peer.ts";

/** The wait after the first request. It doubles with each request. */
const firstPauseMs = 10_000;
/** The longest wait while the media of a member needs its key. */
const maxPauseMs = 60_000;
/** Requests without such media. Some members have no key to send: a bot, or an app that does not encrypt. */
const maxRequests = 6;
/** The wait between the first two renewals of our membership. It doubles with each renewal. */
const firstRenewalPauseMs = 60_000;

/** What is due. */
export interface DueRequests {
  /** The records of these peers, with the request counted. */
  readonly requested: readonly Peer[];
  /** These peers send media that we cannot decrypt, and did not answer two requests. Our membership has to be renewed. */
  readonly unanswered: readonly Peer[];
}

export class KeyRequests {
  /** Nothing is due earlier. */
  #dueTs = Infinity;
  #renewTs = -Infinity;
  #renewalPauseMs = firstRenewalPauseMs;

  get dueTs(): number {
    return this.#dueTs;
  }

  /** Notes when the next request to a peer is due. */
  note({ request }: Peer): void {
    if (request) this.#dueTs = Math.min(this.#dueTs, request.dueTs);
  }

  /**
   * Each peer gets six requests, each after twice the pause. They do not end while its media lacks a key. A peer that
   * sends media and ignores two requests does not know them. It sends its key only to members that join, so our membership has to be renewed.
   */
  popDue(peers: Iterable<Peer>, now: number): DueRequests {
    if (now < this.#dueTs) return { requested: [], unanswered: [] };
    const requested: Peer[] = [];
    const silent: Peer[] = [];
    this.#dueTs = Infinity;
    for (const peer of peers) {
      if (!peer.request) continue;
      const isDue = peer.request.dueTs <= now;
      const request = isDue ? nextRequest(peer, peer.request.count + 1, now) : peer.request;
      if (isDue) requested.push({ ...peer, request });
      if (peer.trouble && request.count > 1) silent.push(peer);
      this.#dueTs = Math.min(this.#dueTs, request.dueTs);
    }
    const unanswered = now < this.#renewTs ? [] : silent;
    if (unanswered.length > 0) {
      this.#renewTs = now + this.#renewalPauseMs;
      this.#renewalPauseMs *= 2;
    }
    if (silent.length > 0) this.#dueTs = Math.min(this.#dueTs, this.#renewTs);
    return { requested, unanswered };
  }
}

function nextRequest({ trouble }: Peer, count: number, now: number) {
  const pauseMs = firstPauseMs * 2 ** (count - 1);
  const dueTs = now + (trouble ? Math.min(pauseMs, maxPauseMs) : count < maxRequests ? pauseMs : Infinity);
  return { dueTs, count };
}
