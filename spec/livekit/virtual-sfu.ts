// VirtualSfu: LiveKit servers in memory, in virtual time, with their authorisation services. Tracks are strings.
import { asyncScheduler, concat, defer, delay, EMPTY, map, Observable, Subject, timer } from "rxjs";
import { SfuError, type SfuFailureCode } from "../../src/livekit/sfu-failure.ts";
import type {
  Reception,
  SfuParticipant,
  SfuPublication,
  SfuRoom,
  SfuRoomOptions,
  SfuRooms,
  SfuRoomState,
  SfuTrack,
} from "../../src/livekit/sfu-room.ts";
import type { MediaQuality } from "../../src/media/participant.ts";
import type { MediaSource } from "../../src/media/source.ts";
import { participantIdentity } from "../../src/membership/identity.ts";
import { type Answer, type Asked, fakeFetch } from "./fake-fetch.ts";

const base64 = (value: object) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))));

export const serviceOf = (name: string): string => `https://${name}.example.org`;
const nameOf = (url: string): string => new URL(url).hostname.split(".")[0]!;

interface Sent {
  readonly sid: string;
  readonly source: MediaSource;
  track: string;
  muted: boolean;
  encrypted: boolean;
}

/** A connection to one server. */
class VirtualRoom implements SfuRoom<string> {
  readonly changes$ = new Subject<void>();
  readonly sent: Sent[] = [];
  readonly receptions = new Map<string, Reception>();
  readonly installed = new Set<string>();
  readonly state$ = new Subject<SfuRoomState>();
  identity = "";
  quality: MediaQuality = "excellent";
  server: VirtualServer | undefined;
  readonly #sfu: VirtualSfu;
  readonly options: SfuRoomOptions;

  constructor(sfu: VirtualSfu, options: SfuRoomOptions) {
    this.#sfu = sfu;
    this.options = options;
  }

  connect(url: string, jwt: string): Observable<SfuRoomState> {
    return new Observable((subscriber) => {
      const server = this.#sfu.server(nameOf(url));
      this.#sfu.open.add(this);
      this.identity = JSON.parse(atob(jwt.split(".")[1]!)).sub;
      this.#sfu.connects.push(`${server.name} ${jwt.split(".")[2]}`);
      subscriber.next("connecting");
      const keys = this.options.encryption?.encryptionKey$
        .pipe(delay(this.#sfu.installMs))
        .subscribe(({ participantIdentity: identity, keyIndex }) => {
          this.installed.add(`${identity} ${keyIndex}`);
          this.changes$.next();
        });
      subscriber.add(keys);
      subscriber.add(this.state$.subscribe(subscriber));
      subscriber.add(
        timer(server.connectMs).subscribe(() => {
          const refused = server.refuses;
          if (refused) return subscriber.error(new SfuError(refused, "refused"));
          server.enter(this);
          subscriber.next("connected");
          server.changed();
        }),
      );
      subscriber.add(() => {
        this.#sfu.open.delete(this);
        this.server?.rooms.delete(this);
        this.server?.changed();
        this.server = undefined;
      });
    });
  }

  get participants(): ReadonlyMap<string, SfuParticipant<string>> {
    const others = [...(this.server?.rooms ?? [])].filter((room) => room !== this);
    return new Map(others.map((room) => [room.identity, room.seenBy(this)]));
  }

  get local(): SfuParticipant<string> | undefined {
    return this.server && this.seenBy(this);
  }

  seenBy(viewer: VirtualRoom): SfuParticipant<string> {
    const tracks = this.sent.map(({ sid, source, track, muted, encrypted }): SfuTrack<string> => {
      const reception = viewer.receptions.get(sid) ?? "off";
      const kind = source === "camera" || source === "screen_share" ? "video" : "audio";
      return { sid, kind, source, muted, encrypted, ...(reception !== "off" && { track }) };
    });
    return { identity: this.identity, tracks, speaking: false, level: 0, quality: this.quality };
  }

  hasKey(identity: string, keyIndex: number): boolean {
    return !this.options.encryption || this.installed.has(`${identity} ${keyIndex}`);
  }

  receive(_identity: string, sid: string, reception: Reception): void {
    if (JSON.stringify(this.receptions.get(sid) ?? "off") === JSON.stringify(reception)) return;
    this.receptions.set(sid, reception);
    this.changes$.next();
  }

  publish(source: MediaSource, track: string, muted: boolean): Observable<SfuPublication<string>> {
    return defer(() => {
      if (this.#sfu.refusesToPublish.has(source)) throw new Error("refused");
      const one: Sent = {
        sid: `TR${(this.#sfu.sids += 1)}`,
        source,
        track,
        muted,
        encrypted: !!this.options.encryption,
      };
      const act = (change: () => void): Observable<never> =>
        concat(timer(1).pipe(map(() => change())), EMPTY).pipe(
          (done$) =>
            new Observable<never>((subscriber) =>
              done$.subscribe({
                complete: () => {
                  this.server?.changed();
                  subscriber.complete();
                },
              }),
            ),
        );
      return timer(1).pipe(
        map(() => {
          this.sent.push(one);
          this.server?.changed();
          return {
            setMuted: (value: boolean) => act(() => (one.muted = value)),
            replaceTrack: (value: string) => act(() => (one.track = value)),
            unpublish: () => act(() => void this.sent.splice(this.sent.indexOf(one), 1)),
          };
        }),
      );
    });
  }
}

/** One LiveKit server. */
export class VirtualServer {
  readonly name: string;
  readonly rooms = new Set<VirtualRoom>();
  connectMs = 5;
  refuses: SfuFailureCode | undefined;

  constructor(name: string) {
    this.name = name;
  }

  enter(room: VirtualRoom): void {
    for (const other of this.rooms)
      if (other.identity === room.identity) other.state$.error(new SfuError("duplicate-identity", "another one"));
    room.server = this;
    this.rooms.add(room);
  }

  /** All connections end. */
  drop(code: SfuFailureCode, identity?: string): void {
    for (const room of this.rooms)
      if (identity === undefined || room.identity === identity) room.state$.error(new SfuError(code, code));
  }

  /** The SDK begins to repair the connection of a participant, or has repaired it. */
  shake(state: SfuRoomState, identity?: string): void {
    for (const room of this.rooms) if (identity === undefined || room.identity === identity) room.state$.next(state);
  }

  changed(): void {
    for (const room of this.rooms) room.changes$.next();
  }
}

export class VirtualSfu {
  /** The rooms that are connected, or connecting. */
  readonly open = new Set<VirtualRoom>();
  /** Each try to connect: the server, and which of its tokens was used. */
  readonly connects: string[] = [];
  readonly refusesToPublish = new Set<string>();
  /** How long it takes to install a key. */
  installMs = 1;
  tokenLifeMs = 3_600_000;
  sids = 0;
  #tokens = 0;
  readonly #servers = new Map<string, VirtualServer>();

  server(name: string): VirtualServer {
    const known = this.#servers.get(name) ?? new VirtualServer(name);
    this.#servers.set(name, known);
    return known;
  }

  /** What an authorisation service answers. Another answer can be given instead. */
  answer: (asked: Asked) => Answer | undefined = () => undefined;

  readonly service = fakeFetch((asked) => {
    const other = this.answer(asked);
    if (other) return other;
    const body = asked.body as {
      openid_token: { access_token: string };
      device_id?: string;
      member?: { id: string; claimed_user_id: string; claimed_device_id: string };
    };
    const user = body.openid_token.access_token.replace("openid-token-of-", "");
    const sub = body.member
      ? participantIdentity("sticky", user, body.member.claimed_device_id, body.member.id)
      : `${user}:${body.device_id}`;
    const nbf = Math.floor(asyncScheduler.now() / 1_000);
    const payload = { sub, nbf, exp: nbf + this.tokenLifeMs / 1_000, video: { room: "alias" } };
    const jwt = `h.${base64(payload)}.${(this.#tokens += 1)}`;
    return { status: 200, body: { url: `wss://${nameOf(asked.url)}.example.org`, jwt } };
  });

  readonly rooms: SfuRooms<string> = (options) => new VirtualRoom(this, options);

  /** What is received: `alice<bob camera`, sorted. */
  flows(source?: MediaSource): string {
    const lines = [...this.open].flatMap((room) =>
      [...room.participants.values()].flatMap(({ identity, tracks }) =>
        tracks
          .filter((one) => source === undefined || one.source === source)
          .filter(({ sid, muted }) => !muted && isFlowing(room.receptions.get(sid)))
          .map((one) => `${short(room.identity)}<${short(identity)} ${one.source}`),
      ),
    );
    return [...new Set(lines)].toSorted().join(", ");
  }

  /** All connections, by server and identity. */
  get connected(): string {
    return [...this.#servers.values()]
      .flatMap(({ name, rooms }) => [...rooms].map(({ identity }) => `${name}:${short(identity)}`))
      .toSorted()
      .join(" ");
  }
}

const isFlowing = (reception: Reception | undefined): boolean => typeof reception === "object";

/** `alice` for `@alice:example.org:PHONE`. A hash stays as it is. */
const short = (identity: string): string => /^@([^:]+):/.exec(identity)?.[1] ?? identity;

export const virtualSfu = (): VirtualSfu => new VirtualSfu();
