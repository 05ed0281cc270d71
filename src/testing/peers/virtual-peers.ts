// VirtualPeers: peer connections of several devices, and the network between them, in virtual time.
import type { PeerConnections } from "../../webrtc/peer-connection.ts";
import { flows, type PeerTiming, VirtualPeer } from "./virtual-peer.ts";

/** Peer connections that connect with each other in memory, for specs of calls without a browser. */
export interface VirtualPeers {
  /** Makes the peer connections of one device: give it to `fullMesh` or `voipCalls` as `peers`. */
  device(name: string): PeerConnections;
  /** No packet gets to a device or from it until `heal`. Connected peers notice after a while. */
  cut(device: string): void;
  heal(device: string): void;
  /** The peer connections that are not closed. */
  readonly open: readonly VirtualPeer[];
  /** Which media flows now: `alice>bob camera` and so on, sorted. */
  flows(): readonly string[];
}

/**
 * Makes virtual peer connections.
 *
 * Their only clock is RxJS's. They negotiate, gather, connect, break and recover as those of a browser do; no media is
 * decoded, but `flows()` says what would be.
 *
 * @example
 * ```ts
 * import { virtualPeers } from "matrixrtc-rx/testing";
 *
 * const peers = virtualPeers({ connectMs: 30 });
 * const peer = peers.device("alice")({ servers: [], relayOnly: false });
 * console.assert(peers.open.length === 1);
 * peer.close();
 * console.assert(peers.open.length === 0);
 * ```
 */
export function virtualPeers(timing: Partial<PeerTiming> = {}): VirtualPeers {
  const open = new Set<VirtualPeer>();
  const cut = new Set<string>();
  let count = 0;

  const otherOf = (peer: VirtualPeer): VirtualPeer | undefined => {
    const { own, theirs } = peer.session.ufrags;
    for (const other of open) {
      const names = other.session.ufrags;
      if (other !== peer && own && theirs && names.own === theirs && names.theirs === own) return other;
    }
    return undefined;
  };
  const network = {
    timing: { ...usual, ...timing },
    changed() {
      for (const peer of open) {
        const other = otherOf(peer);
        const isAble = other && (peer.hasRemoteCandidate || other.hasRemoteCandidate);
        peer.reach(isAble === true && !cut.has(peer.device) && !cut.has(other.device));
      }
    },
    closed(peer: VirtualPeer) {
      open.delete(peer);
      network.changed();
    },
  };

  return {
    device: (name) => (options) => {
      const peer = new VirtualPeer(`${name}${(count += 1)}`, name, options, network);
      open.add(peer);
      return peer;
    },
    cut(device) {
      cut.add(device);
      network.changed();
    },
    heal(device) {
      cut.delete(device);
      network.changed();
    },
    get open() {
      return [...open];
    },
    flows: () =>
      [...open]
        .flatMap((to) => {
          const from = otherOf(to);
          const sections = to.session.remote?.sections ?? [];
          return sections.flatMap(({ mid }) => {
            if (!from || !flows(from, to, mid)) return [];
            const source = from.session.transceivers.find((one) => one.mid === mid)?.source;
            return [`${from.device}>${to.device} ${source}`];
          });
        })
        .toSorted(),
  };
}

const usual: PeerTiming = { operationMs: 2, gatherMs: 20, connectMs: 30, disconnectMs: 5_000, failMs: 15_000 };
