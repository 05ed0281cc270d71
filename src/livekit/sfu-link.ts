// SfuLink: one connection of a call, with what we publish on it, for as long as the plan wants it.
import {
  BehaviorSubject,
  connect,
  distinctUntilChanged,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  Subscription,
  switchMap,
  tap,
} from "rxjs";
import type { Membership } from "../types.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { IntervalClock } from "../rx/interval-clock.ts";
import { kept } from "../rx/stable.ts";
import { type Connecting, connectSfu, type ConnectOptions } from "./connect-sfu.ts";
import { type Published, publishMedia } from "./publish-media.ts";
import { Receiver } from "./receiver.ts";
import type { SfuConnection } from "./sfu-status.ts";
import type { WantedSfu } from "./sfu-plan.ts";
import type { SfuRoom, SfuTrack } from "./sfu-room.ts";

const nothing: Published = { isComplete: false, failures: [] };

export interface LinkOptions<Track> extends ConnectOptions<Track> {
  readonly media$: Observable<OutgoingMedia<Track>>;
  readonly clock: IntervalClock;
  /** Something of this link is different. */
  readonly changed: () => void;
  readonly onStatus: (connection: SfuConnection) => void;
}

export class SfuLink<Track> {
  wanted: WantedSfu;
  /** Members that are received here until their new connection brings them. */
  leaving: readonly Membership[] = [];
  published: Published = nothing;
  connection: SfuConnection;
  room: SfuRoom<Track> | undefined;
  receiver: Receiver<Track> | undefined;
  readonly #publishes$: BehaviorSubject<boolean>;
  readonly #running = new Subscription();
  readonly #options: LinkOptions<Track>;

  constructor(wanted: WantedSfu, options: LinkOptions<Track>) {
    this.wanted = wanted;
    this.#options = options;
    this.#publishes$ = new BehaviorSubject(wanted.purpose === "publish");
    this.connection = { ...identityOf(wanted), status: "waiting", sinceTs: options.clock.now() };
  }

  /** Connects. Call it once. */
  start(): void {
    const empty$ = of<OutgoingMedia<Track>>({});
    const media$ = this.#publishes$.pipe(
      distinctUntilChanged(),
      switchMap((publishes) => (publishes ? this.#options.media$ : empty$)),
    );
    const publishing = (room: SfuRoom<Track>) =>
      publishMedia(room, media$).pipe(tap((published) => (this.published = published)));
    this.#running.add(
      connectSfu(this.#options)
        .pipe(
          tap((now) => this.#take(now)),
          connect((now$) =>
            merge(
              now$.pipe(
                map(({ room }) => room),
                distinctUntilChanged(),
                switchMap((room) => room?.changes$ ?? NEVER),
              ),
              now$.pipe(
                map(({ room }) => (this.isUp ? room : undefined)),
                distinctUntilChanged(),
                switchMap((room) => (room ? publishing(room) : NEVER)),
              ),
            ),
          ),
        )
        .subscribe(() => this.#options.changed()),
    );
  }

  update(wanted: WantedSfu, leaving: readonly Membership[]): void {
    this.wanted = wanted;
    this.leaving = leaving;
    this.connection = this.#described({ ...this.connection, ...identityOf(wanted) });
    this.#publishes$.next(wanted.purpose === "publish");
  }

  /** The members whose media may come here. */
  get received(): readonly Membership[] {
    return [...this.wanted.members, ...this.leaving];
  }

  get isConnected(): boolean {
    return this.connection.status === "connected";
  }

  /** It works, or LiveKit repairs it: participants and tracks stay. */
  get isUp(): boolean {
    return this.isConnected || this.connection.status === "reconnecting";
  }

  /** Whether the media of a member comes here: each of its tracks that is sent and shown. */
  brings({ participantIdentity }: Membership): boolean {
    const participant = this.isUp ? this.room?.participants.get(participantIdentity) : undefined;
    const isThere = ({ sid, muted, track }: SfuTrack<Track>) => {
      const held = this.receiver?.held(sid);
      return muted || held === "paused" || (track !== undefined && !held);
    };
    return participant?.tracks.every(isThere) ?? false;
  }

  stop(): void {
    this.#running.unsubscribe();
    this.room = undefined;
  }

  #take({ room, ...now }: Connecting<Track>): void {
    if (room !== this.room) {
      this.receiver = room && new Receiver(room);
      this.published = nothing;
    }
    this.room = room;
    const { connection } = this;
    const sinceTs = connection.status === now.status ? connection.sinceTs : this.#options.clock.now();
    this.connection = this.#described({ ...identityOf(this.wanted), ...now, sinceTs });
    if (connection !== this.connection) this.#options.onStatus(this.connection);
    this.#options.changed();
  }

  /** The same object as before, if it says the same. */
  #described(next: SfuConnection): SfuConnection {
    const { connection: before } = this;
    return kept({ ...next, members: kept(next.members, before.members) }, before);
  }
}

const identityOf = ({
  sfu,
  purpose,
  members,
}: WantedSfu): Pick<SfuConnection, "sfu" | "purpose"> & {
  readonly members: readonly Membership[];
} => ({ sfu, purpose, members });
