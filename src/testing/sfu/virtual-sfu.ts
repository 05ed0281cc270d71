// VirtualSfu: a LiveKit server in memory: who can decrypt whom, reported as LiveKit reports it, and delegated delayed leaves. protocol.md 6.
import { Observable, type OperatorFunction, Subject } from "rxjs";
import type { DelegatedLeave } from "../../join/options.ts";
import type { JoinState } from "../../join/join-state.ts";
import type { Device } from "../../matrix.ts";
import { behavior, type Behavior } from "../../rx/behavior.ts";
import type { EncryptedSession } from "../../encryption/encrypted-session.ts";
import { localpart } from "../localpart.ts";
import { Agenda } from "../time/agenda.ts";
import { conditionChanges, type VirtualDevice } from "../virtual-device.ts";
import type { VirtualHomeserver } from "../virtual-homeserver.ts";
import { DelegatedLeaves } from "./delegated-leaves.ts";
import { type Picture, SfuConnection } from "./sfu-connection.ts";

/** How a device sees one other participant: `ok`, or why its tile is black. */
export interface Tile {
  readonly userId: string;
  readonly deviceId: string;
  readonly participantIdentity: string;
  /** `no-media`: it is connected and sends nothing, for example because it has no key to encrypt with yet. */
  readonly picture: Picture;
}

/** When things happen on the virtual SFU. */
export interface VirtualSfuOptions {
  /** How long a key that is missing stays unnoticed. Default 50. */
  readonly missingKeyMs?: number;
  /** How long a key that does not fit stays unnoticed: LiveKit tolerates ten frames. Default 500. */
  readonly invalidKeyMs?: number;
  /** How long a recovery stays unnoticed. Default 1,000. */
  readonly recoveryMs?: number;
  /** How long the SFU waits for a participant of which it hears nothing. Default 20,000. */
  readonly patienceMs?: number;
}

/**
 * A LiveKit server in memory. It carries no media, but knows who could decrypt whom.
 *
 * A device publishes with the newest own key that its session has emitted. Another device can decrypt it if its session has
 * emitted the same key at the same index. What it cannot decrypt is reported to its session as LiveKit reports it: a
 * missing key at once, a key that does not fit after some frames, a recovery after a while, each once.
 *
 * @example
 * ```ts
 * import { TestScheduler } from "rxjs/testing";
 * import { map, timer } from "rxjs";
 * import { encryptedSession } from "matrixrtc-rx/encryption";
 * import { runOn, tileNames, virtualHomeserver, virtualSfu } from "matrixrtc-rx/testing";
 *
 * const equal = (actual: unknown, expected: unknown) =>
 *   console.assert(JSON.stringify(actual) === JSON.stringify(expected), JSON.stringify(actual));
 * new TestScheduler(equal).run(({ expectObservable }) => {
 *   const home = virtualHomeserver({ latencyMs: 2, syncMs: 1 });
 *   const sfu = virtualSfu(home);
 *   const users = ["@alice:example.org", "@bob:example.org"];
 *   const call = { roomId: home.createRoom({ members: users, encrypted: true }), slot: "m.call#ROOM" };
 *   const [phone, laptop] = users.map((userId) => home.device(userId, "A"));
 *   for (const device of [phone!, laptop!]) {
 *     const session = encryptedSession(device.matrix, call);
 *     session.join({ leaveOn: timer(60_000) }).pipe(sfu.connect(device, session), runOn(device)).subscribe();
 *   }
 *   expectObservable(sfu.tiles$(phone!).pipe(map(tileNames)), "^ 30s !").toBe("n 10ms m 2ms b", {
 *     n: "",
 *     m: "bob(missing-key)",
 *     b: "bob",
 *   });
 * });
 * ```
 */
export interface VirtualSfu {
  /**
   * Put it behind a join: while the device is in the call, it is connected, publishes, installs the keys of its session, and
   * reports what it cannot decrypt. The states of the join pass through.
   */
  connect(device: VirtualDevice, session: EncryptedSession<any>): OperatorFunction<JoinState, JoinState>;
  /**
   * The option `delegate` of a join of the device: the SFU restarts the delayed leave while the device is connected to it,
   * and sends it once the device is gone.
   */
  delegate(device: VirtualDevice): (leave: DelegatedLeave) => Observable<never>;
  /** The other participants as a device sees them, in the order in which they connected. Empty while it is not connected. */
  tiles$(device: VirtualDevice): Behavior<readonly Tile[]>;
  /** Who can decrypt whom now, for example `alice/PHONE>bob/LAPTOP ok`, sorted. */
  flows(): readonly string[];
  /** How many devices are connected, and how many delayed leaves are delegated. Both are 0 after a clean end. */
  leftovers(): { readonly connections: number; readonly delegatedLeaves: number };
}

/**
 * Makes a virtual SFU beside a virtual homeserver.
 *
 * @example
 * ```ts
 * import { virtualHomeserver, virtualSfu } from "matrixrtc-rx/testing";
 *
 * const sfu = virtualSfu(virtualHomeserver());
 * console.assert(sfu.flows().length === 0 && sfu.leftovers().connections === 0);
 * ```
 */
export function virtualSfu(home: VirtualHomeserver, options: VirtualSfuOptions = {}): VirtualSfu {
  const { missingKeyMs = 50, invalidKeyMs = 500, recoveryMs = 1_000, patienceMs = 20_000 } = options;
  const agenda = new Agenda();
  const connections = new Set<SfuConnection>();
  const changed$ = new Subject<void>();
  const leaves = new DelegatedLeaves(home, agenda);
  const noticeMs = { "missing-key": missingKeyMs, "invalid-key": invalidKeyMs, ok: recoveryMs };

  const connectionOf = ({ userId, deviceId }: VirtualDevice): SfuConnection | undefined =>
    [...connections].find(({ device }) => device.userId === userId && device.deviceId === deviceId);
  const tilesOf = (viewer: VirtualDevice): readonly Tile[] => {
    const to = connectionOf(viewer);
    return [...connections].flatMap((from) => {
      const { device, participantIdentity } = from;
      const { userId, deviceId } = device;
      const picture = to?.pictureOf(from);
      return picture ? [{ userId, deviceId, participantIdentity, picture }] : [];
    });
  };
  const change = () => {
    for (const to of connections) for (const from of connections) if (from !== to) to.watch(from, agenda, noticeMs);
    changed$.next();
  };
  const enter = (device: VirtualDevice, session: EncryptedSession, participantIdentity: string): SfuConnection => {
    const isEncrypted = home.stateEvent(session.roomId, "m.room.encryption") !== undefined;
    const connection = new SfuConnection(device, session, participantIdentity, isEncrypted);
    connections.add(connection);
    connection.follow(change);
    leaves.keep(participantIdentity);
    change();
    return connection;
  };
  const exit = (connection: SfuConnection) => {
    const { participantIdentity } = connection;
    connections.delete(connection);
    connection.end();
    for (const other of connections) other.forget(participantIdentity);
    // The SFU misses a device that says goodbye at once, and one that crashes after a while.
    leaves.send(participantIdentity, connection.isLive ? 0 : patienceMs);
    changed$.next();
  };
  /** The network or the page of a participant has changed. */
  const adjust = (connection: SfuConnection) => {
    if (connection.isLive) leaves.keep(connection.participantIdentity);
    else leaves.send(connection.participantIdentity, patienceMs);
    change();
  };

  return {
    connect: (device, session) => (state$) =>
      new Observable((subscriber) => {
        let connection: SfuConnection | undefined;
        const part = () => {
          if (connection) exit(connection);
          connection = undefined;
        };
        subscriber.add(part);
        subscriber.add(conditionChanges(device).subscribe(() => connection && adjust(connection)));
        subscriber.add(
          state$.subscribe({
            next: (state) => {
              const { status, member } = state;
              const isIn = status === "joined" || (status === "rejoining" && connection !== undefined);
              if (!isIn || connection?.participantIdentity !== member.participantIdentity) part();
              if (isIn) connection ??= enter(device, session, member.participantIdentity);
              subscriber.next(state);
            },
            error: (error: unknown) => subscriber.error(error),
            complete: () => subscriber.complete(),
          }),
        );
      }),
    delegate: (device) => (leave) => leaves.take(device, leave),
    tiles$: (device) => behavior(() => tilesOf(device), changed$, sameTiles),
    flows: () =>
      [...connections]
        .flatMap(({ device }) => tilesOf(device).map((tile) => `${nameOf(tile)}>${nameOf(device)} ${tile.picture}`))
        .toSorted(),
    leftovers: () => ({ connections: connections.size, delegatedLeaves: leaves.size }),
  };
}

/**
 * Tiles in words: the names of the participants, with the reason behind each that is black.
 *
 * @example
 * ```ts
 * import { tileNames } from "matrixrtc-rx/testing";
 *
 * const tile = (userId: string, picture: "ok" | "missing-key") => ({ userId, deviceId: "A", participantIdentity: "", picture });
 * const words = tileNames([tile("@bob:example.org", "ok"), tile("@carl:example.org", "missing-key")]);
 * console.assert(words === "bob carl(missing-key)");
 * ```
 */
export function tileNames(tiles: readonly Tile[]): string {
  const times = (userId: string) => tiles.filter((tile) => tile.userId === userId).length;
  return tiles
    .map((tile) => {
      const name = times(tile.userId) > 1 ? nameOf(tile) : localpart(tile.userId);
      return tile.picture === "ok" ? name : `${name}(${tile.picture})`;
    })
    .join(" ");
}

const nameOf = ({ userId, deviceId }: Device): string => `${localpart(userId)}/${deviceId}`;

const sameTiles = (a: readonly Tile[], b: readonly Tile[]): boolean =>
  a.length === b.length &&
  a.every(({ participantIdentity, picture }, at) => {
    const other = b[at];
    return other?.participantIdentity === participantIdentity && other.picture === picture;
  });
