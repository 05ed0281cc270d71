// PublishSites: where we publish while our transport changes: at the new SFU before the old one is let go. Pure. docs/media.md.
import type { Transport } from "../types.ts";
import { transportKey } from "./transport-key.ts";

/** An SFU that we publish on. */
export interface PublishSite {
  readonly sfu: string;
  readonly transport: Transport;
  /** When it is let go. Absent while it is needed. */
  readonly leaveTs?: number;
}

export interface SitesInput {
  /** Where we should publish. Undefined or no LiveKit transport: nowhere. */
  readonly target: Transport | undefined;
  /** Whether all that we send is published at an SFU. */
  readonly isPublishedAt: (sfu: string) => boolean;
  /** Whether the others see that we publish at an SFU: our membership in the room says so. */
  readonly isAnnounced: (sfu: string) => boolean;
  readonly now: number;
}

/** The others need this long to see our new transport, to connect, and to receive us there. */
const overlapMs = 5_000;

/** The next sites, the target first. There is at most one other: the one that works until the target does. */
export function nextSites(sites: readonly PublishSite[], input: SitesInput): readonly PublishSite[] {
  const { target, isPublishedAt, isAnnounced, now } = input;
  const sfu = target && transportKey(target);
  if (!target || sfu === undefined) return sites.length === 0 ? sites : [];
  const first = sites.find((site) => site.sfu === sfu && site.leaveTs === undefined) ?? { sfu, transport: target };
  const isReady = isPublishedAt(sfu);
  const old = sites.find((site) => site.sfu !== sfu && isPublishedAt(site.sfu));
  const next = [first, ...(old ? kept(old) : [])];
  return next.length === sites.length && next.every((site, at) => site === sites[at]) ? sites : next;

  function kept(site: PublishSite): PublishSite[] {
    if (!isReady) return [site.leaveTs === undefined ? site : { sfu: site.sfu, transport: site.transport }];
    if (site.leaveTs !== undefined) return now < site.leaveTs ? [site] : [];
    return [isAnnounced(first.sfu) ? { ...site, leaveTs: now + overlapMs } : site];
  }
}

/** The transport that our membership should name: where we are published, or else where we want to be. */
export const announcedTransport = (
  sites: readonly PublishSite[],
  isPublishedAt: (sfu: string) => boolean,
): Transport | undefined => (sites.find(({ sfu }) => isPublishedAt(sfu)) ?? sites[0])?.transport;
