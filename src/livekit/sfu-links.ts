// SfuLinks: the connections of a call, kept in line with the plan.
import { defer, distinctUntilChanged, map, type Observable, share, skip } from "rxjs";
import type { Matrix } from "../matrix.ts";
import type { PublishFailure } from "../media/call-problem.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { EncryptedSession } from "../encryption/encrypted-session.ts";
import type { Membership } from "../types.ts";
import type { LivekitBackend } from "./backend.ts";
import type { IntervalClock } from "../rx/interval-clock.ts";
import { NewestToken } from "./newest-token.ts";
import { backInTouch } from "./retrying.ts";
import type { ServiceOptions } from "./service.ts";
import type { SfuConnection } from "./sfu-status.ts";
import { repairWait } from "./sfu-failure.ts";
import { SfuLink } from "./sfu-link.ts";
import type { WantedSfu } from "./sfu-plan.ts";
import type { SfuRooms } from "./sfu-room.ts";
import { tokenOnce } from "./token.ts";
import type { LivekitTraceEntry } from "./trace.ts";

/** How long a connection may take to bring what another one brings. Keys come within seconds. */
const bringMs = 10_000;

export interface LinksOptions<Track> {
  readonly matrix: Matrix & LivekitBackend;
  readonly session: Pick<
    EncryptedSession,
    "roomId" | "slot" | "encryptionKey$" | "keys$" | "statistics$" | "decryption"
  >;
  readonly rooms: SfuRooms<Track>;
  readonly service: ServiceOptions;
  readonly media$: Observable<OutgoingMedia<Track>>;
  readonly clock: IntervalClock;
  /** Something of a link is different. */
  readonly changed: () => void;
  readonly trace: (entry: LivekitTraceEntry) => void;
}

export class SfuLinks<Track> {
  readonly #links = new Map<string, SfuLink<Track>>();
  readonly #options: LinksOptions<Track>;
  readonly #backInTouch$: Observable<unknown>;
  #isEncrypted = false;

  constructor(options: LinksOptions<Track>) {
    this.#options = options;
    this.#backInTouch$ = backInTouch(options.matrix).pipe(share());
  }

  get all(): readonly SfuLink<Track>[] {
    return [...this.#links.values()];
  }

  get publishFailures(): readonly PublishFailure[] {
    return this.all.flatMap(({ wanted: { sfu }, published: { failures } }) =>
      failures.map(({ source, nextTryTs }) => ({ source, nextTryTs, sfu })),
    );
  }

  /** The connection that publishes. */
  get publishing(): SfuLink<Track> | undefined {
    return this.all.find(({ wanted }) => wanted.purpose === "publish");
  }

  /** Whether all that we send is published at an SFU. */
  isPublishedAt(sfu: string): boolean {
    return this.all.some(
      ({ wanted, published, isConnected }) =>
        wanted.sfu === sfu && wanted.purpose === "publish" && isConnected && published.isComplete,
    );
  }

  /** The connection on which a member is. One that it has left counts until the new one brings its media. */
  of(member: Membership): SfuLink<Track> | undefined {
    const present = this.all.find(({ wanted }) => wanted.members.includes(member));
    const left = this.all.find(({ leaving }) => leaving.includes(member));
    return left?.brings(member) && !present?.brings(member) ? left : present;
  }

  /**
   * Opens what is wanted, and closes what is not. After a member, or we, have moved, the old connection goes on receiving what
   * it brings until the new one brings it, too. A room that becomes encrypted gets other connections.
   *
   * @returns When to align again.
   */
  align(wanted: readonly WantedSfu[], isEncrypted: boolean): number {
    if (isEncrypted !== this.#isEncrypted) this.stop();
    this.#isEncrypted = isEncrypted;
    const received = new Map(this.all.map((link) => [link, link.received]));
    for (const one of wanted) {
      const known = this.#links.get(one.key);
      if (known) known.update(one, []);
      else this.#open(one);
    }
    const now = this.#options.clock.now();
    const places = new Map(
      wanted.flatMap(({ key, members }) =>
        members.map((member) => [member.instance, { member, link: this.#links.get(key)! }]),
      ),
    );
    const keys = new Set(wanted.map(({ key }) => key));
    let dueTs = Infinity;
    for (const [link, before] of received) {
      const leaving = before.flatMap(({ instance }) => {
        const place = places.get(instance);
        if (!place || place.link === link || !link.brings(place.member) || place.link.brings(place.member)) return [];
        const { isConnected, connection } = place.link;
        const untilTs = isConnected ? connection.sinceTs + bringMs : Infinity;
        if (untilTs <= now) return [];
        dueTs = Math.min(dueTs, untilTs);
        // One connection is enough.
        places.delete(instance);
        return [place.member];
      });
      const { key } = link.wanted;
      if (keys.has(key)) link.update(link.wanted, leaving);
      else if (leaving.length > 0) link.update({ ...link.wanted, purpose: "subscribe", members: [] }, leaving);
      else this.#close(link);
    }
    return dueTs;
  }

  stop(): void {
    for (const link of this.all) this.#close(link);
  }

  #close(link: SfuLink<Track>): void {
    const { key, sfu, purpose } = link.wanted;
    this.#links.delete(key);
    link.stop();
    this.#options.trace({ kind: "sfu-unwanted", sfu, purpose });
  }

  #open(wanted: WantedSfu): void {
    const { key, sfu, purpose, transport, namedBy, own: member, members } = wanted;
    const { matrix, session, rooms, service, media$, clock, changed, trace } = this.#options;
    const { roomId, encryptionKey$, keys$, statistics$, decryption } = session;
    trace({ kind: "sfu-wanted", sfu, purpose });
    // To receive a member, the token is for the slot that its membership has.
    const slot = (purpose === "subscribe" ? members[0]?.slot : undefined) ?? session.slot;
    const token$ = defer(() => tokenOnce(matrix, { transport, namedBy, roomId, slot, member, purpose }, service));
    const delivered$ = statistics$.pipe(
      map(({ delivered }) => delivered),
      distinctUntilChanged(),
      skip(1),
    );
    const reports: typeof decryption = {
      next: (report) => {
        const { result, participantIdentity } = report;
        if (result !== "missing-key" || link.receiver?.expects(participantIdentity)) decryption.next(report);
      },
    };
    const encryption = this.#isEncrypted ? { encryptionKey$, keys$, delivered$, decryption: reports } : undefined;
    const link = new SfuLink<Track>(wanted, {
      token: new NewestToken(token$),
      makeRoom: () => rooms({ encryption, repairWaitMs: (count) => repairWait(count, Math.random()) }),
      backInTouch$: this.#backInTouch$,
      media$,
      clock,
      changed,
      onStatus: (connection) => trace(statusEntry(connection)),
    });
    this.#links.set(key, link);
    link.start();
  }
}

const statusEntry = ({ sfu, purpose, status, failure, nextTryTs }: SfuConnection): LivekitTraceEntry => ({
  kind: "sfu-status",
  sfu,
  purpose,
  status,
  ...(failure && { failure: failure.code }),
  ...(nextTryTs !== undefined && { nextTryTs }),
});
