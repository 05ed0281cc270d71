// SfuLinks: the connections of a call, kept in line with the plan.
import { asyncScheduler, defer, type Observable, share } from "rxjs";
import type { Matrix } from "../matrix.ts";
import type { PublishFailure } from "../media/call-problem.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { RtcSession } from "../session.ts";
import type { Membership } from "../types.ts";
import type { LivekitBackend } from "./backend.ts";
import { NewestToken } from "./newest-token.ts";
import { backInTouch } from "./retrying.ts";
import type { ServiceOptions } from "./service.ts";
import type { SfuConnection } from "./sfu-status.ts";
import { repairWait } from "./sfu-failure.ts";
import { SfuLink } from "./sfu-link.ts";
import type { PresentSfu, WantedSfu } from "./sfu-plan.ts";
import type { SfuRooms } from "./sfu-room.ts";
import { tokenOnce } from "./token.ts";
import type { LivekitTraceEntry } from "./trace.ts";

/** How long a new connection may take to bring what the old one brings. Keys come within seconds. */
const replaceMs = 10_000;

export interface LinksOptions<Track> {
  readonly matrix: Matrix & LivekitBackend;
  readonly session: Pick<RtcSession, "roomId" | "slot" | "encryptionKey$" | "keys$" | "decryption">;
  readonly rooms: SfuRooms<Track>;
  readonly service: ServiceOptions;
  readonly media$: Observable<OutgoingMedia<Track>>;
  /** Something of a link is different. */
  readonly changed: () => void;
  readonly trace: (entry: LivekitTraceEntry) => void;
}

export class SfuLinks<Track> {
  readonly #links = new Map<string, SfuLink<Track>>();
  readonly #options: LinksOptions<Track>;
  readonly #backInTouch$: Observable<unknown>;

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

  /** The connections for the plan. One that replaces another is ready once it brings as much, or has had its time. */
  present(now: number): readonly PresentSfu[] {
    return this.all.map((link) => {
      const { wanted, isUp, isConnected, connection } = link;
      const others = this.all.filter((other) => other !== link && other.wanted.sfu === wanted.sfu);
      const isLacking = (member: Membership) => !link.brings(member) && others.some((other) => other.brings(member));
      const hasTime = now < connection.sinceTs + replaceMs;
      const isReady = isConnected && !(hasTime && wanted.members.some(isLacking));
      return Object.assign({ isConnected: isUp, isReady }, wanted);
    });
  }

  /** When a connection that replaces another one has had its time. */
  replacedTs(now: number): number {
    const sfus = this.all.map(({ wanted }) => wanted.sfu);
    const doubled = this.all.filter(({ wanted }) => sfus.indexOf(wanted.sfu) !== sfus.lastIndexOf(wanted.sfu));
    const times = doubled.map(({ connection }) => connection.sinceTs + replaceMs);
    return Math.min(Infinity, ...times.filter((ts) => ts > now));
  }

  /** The connection on which a member is. While it moves to another SFU: the old one, until the new one brings its media. */
  of(member: Membership): SfuLink<Track> | undefined {
    const there = this.all.filter(({ wanted }) => wanted.members.includes(member));
    const bringing = there.find((link) => link.brings(member));
    if (bringing) return bringing;
    const left = this.all.find((link) => link.wanted.leaving.includes(member) && link.brings(member));
    return left ?? there.find(({ isUp }) => isUp) ?? there[0];
  }

  /** Opens what is wanted, and closes what is not. A room that becomes encrypted gets other connections. */
  align(wanted: readonly WantedSfu[], isEncrypted: boolean): void {
    const keyOf = ({ key }: WantedSfu) => `${isEncrypted ? "encrypted" : "clear"} ${key}`;
    const keys = new Set(wanted.map(keyOf));
    for (const [key, link] of this.#links) {
      if (keys.has(key)) continue;
      const { sfu, purpose } = link.wanted;
      this.#links.delete(key);
      link.stop();
      this.#options.trace({ kind: "sfu-unwanted", sfu, purpose });
    }
    for (const one of wanted) {
      const known = this.#links.get(keyOf(one));
      if (known) known.update(one);
      else this.#open(keyOf(one), one, isEncrypted);
    }
  }

  stop(): void {
    for (const link of this.#links.values()) link.stop();
    this.#links.clear();
  }

  #open(key: string, wanted: WantedSfu, isEncrypted: boolean): void {
    const { sfu, purpose, transport, namedBy, own: member, members } = wanted;
    const { matrix, session, rooms, service, media$, changed, trace } = this.#options;
    const { roomId, encryptionKey$, keys$, decryption } = session;
    trace({ kind: "sfu-wanted", sfu, purpose });
    // To receive a member, the token is for the slot that its membership has.
    const slot = (purpose === "subscribe" ? members[0]?.slot : undefined) ?? session.slot;
    const token$ = defer(() => tokenOnce(matrix, { transport, namedBy, roomId, slot, member, purpose }, service));
    const encryption = isEncrypted ? { encryptionKey$, keys$, decryption } : undefined;
    const link = new SfuLink<Track>(wanted, {
      token: new NewestToken(token$),
      makeRoom: () => rooms({ encryption, repairWaitMs: (count) => repairWait(count, Math.random()) }),
      backInTouch$: this.#backInTouch$,
      media$,
      now: () => asyncScheduler.now(),
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
