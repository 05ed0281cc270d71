// Receiver: decides what is received on one room: only members, only what can be decrypted, only what is shown. docs/media.md.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { Membership } from "../types.ts";
import { receptionOf, smallest, type TileSize } from "./wanted-layer.ts";
import type { Reception, SfuRoom } from "./sfu-room.ts";
import { flowOfHeld, flowOfOpen } from "./video-flow.ts";

export interface ReceiverInput {
  readonly isEncrypted: boolean;
  /** The members that publish on this SFU, by identity. */
  readonly members: ReadonlyMap<string, Membership>;
  readonly statuses: ReadonlyMap<string, MemberEncryption>;
  readonly everything: boolean;
  readonly lowBandwidth: boolean;
  readonly tilesOf: (member: Membership, source: string) => readonly TileSize[];
  readonly now: number;
}

export interface ReceiverUpdate {
  /** Whose pictures are refreshed, because their keys have come late. */
  readonly refreshed: readonly string[];
  /** The participants that send encrypted media for which we have no key, members or not. */
  readonly lacking: readonly string[];
}

type Room<Track> = Pick<SfuRoom<Track>, "participants" | "hasKey" | "receive">;

/** What is received of a track. `held`: it is subscribed to, and waits for its key: then only its media has to come. */
type Received = Reception | "held";

/** Participants that are no members may be members in a moment. Any number of them may be none. */
const maxExpected = 10;

/** How long a picture is paused for a refresh. The server pauses a track after 100 ms, and it begins again with a key frame. */
const refreshMs = 150;

/** Holds which tracks of one room are received. */
export class Receiver<Track> {
  readonly #room: Room<Track>;
  #received = new Map<string, Received>();
  /** When each track, and each member, came. Those that were there at first have always been there. */
  #sinceTs: ReadonlyMap<string, number> | undefined;
  /** When to update again. */
  dueTs: number = Infinity;
  /** Participants whose media came without its key. */
  #lacked: ReadonlySet<string> = new Set();
  /** Until when their videos are paused, after which they begin again with a key frame. */
  #refreshTs: ReadonlyMap<string, number> = new Map();

  constructor(room: Room<Track>) {
    this.#room = room;
  }

  /** Why nothing of a track comes: it waits for its key, or nothing shows it. Undefined if it comes. */
  held(sid: string): "held" | "paused" | undefined {
    const received = this.#received.get(sid);
    return received === "off" ? "paused" : typeof received === "string" ? received : undefined;
  }

  /** Sets the reception of every track. */
  update(input: ReceiverInput): ReceiverUpdate {
    const { participants } = this.#room;
    const { now } = input;
    const received = new Map<string, Received>();
    const since = new Map<string, number>();
    const sinceTs = (key: string): number => {
      const ts = this.#sinceTs ? (this.#sinceTs.get(key) ?? now) : -Infinity;
      since.set(key, ts);
      return ts;
    };
    const isBefore = (ts: number): boolean => {
      if (now < ts) this.dueTs = Math.min(this.dueTs, ts);
      return now < ts;
    };
    const refreshTs = new Map<string, number>();
    const lacked = new Set<string>();
    const refreshed: string[] = [];
    const lacking: string[] = [];
    let expected = 0;
    this.dueTs = Infinity;
    for (const [identity, { tracks }] of participants) {
      const member = input.members.get(identity);
      const memberTs = member ? sinceTs(identity) : -Infinity;
      const status = input.statuses.get(identity);
      const isDecryptable = this.#isDecryptable(identity, status, input);
      let pausedUntilTs = this.#refreshTs.get(identity) ?? 0;
      if (status?.status === "waiting" && late.has(status.reason)) lacked.add(identity);
      else if (this.#lacked.has(identity)) {
        if (isDecryptable) {
          pausedUntilTs = now + refreshMs;
          refreshed.push(identity);
        } else lacked.add(identity);
      }
      if (pausedUntilTs > now) refreshTs.set(identity, pausedUntilTs);
      const isLacking = (status?.status ?? "waiting") === "waiting";
      if (isLacking && tracks.some((one) => one.encrypted && !one.muted)) lacking.push(identity);
      // The SFU shows a joiner before the room does. It is prepared as if its key were missing, so that nothing of it comes.
      const isExpected = !member && input.isEncrypted && (expected += 1) <= maxExpected;
      for (const track of tracks) {
        const { sid, kind, source } = track;
        const isPrepared = isExpected && track.encrypted && source !== "unknown";
        const isAllowed = member && (!input.isEncrypted || track.encrypted);
        // The worker decrypts a track only once it is there: a key frame that comes sooner is lost.
        const canOpen = isDecryptable && (!input.isEncrypted || track.track !== undefined);
        // A key that changes, or a stay that begins again, does not end what is received.
        const isOpen = canOpen || this.#isOpen(sid);
        const isSubscribed = (this.#received.get(sid) ?? "off") !== "off";
        const reception = isAllowed
          ? receptionOf({ ...input, kind, tiles: input.tilesOf(member, source), isSubscribed })
          : "off";
        const next = isPrepared || !(reception === "off" || isOpen) ? "held" : reception;
        if (isAllowed || isPrepared) received.set(sid, next);
        const cameTs = sinceTs(sid);
        const isHeld = next === "held";
        const [fromTs, untilTs] = isHeld ? flowOfHeld(cameTs, memberTs) : flowOfOpen(cameTs, pausedUntilTs);
        const isSteady = !input.isEncrypted || kind === "audio" || next === "off";
        const flows = isSteady ? !isHeld : !isBefore(fromTs) && isBefore(untilTs);
        this.#room.receive(identity, sid, !flows ? "paused" : isHeld ? smallest : next);
      }
    }
    this.#received = received;
    this.#sinceTs = since;
    this.#refreshTs = refreshTs;
    this.#lacked = lacked;
    return { refreshed, lacking };
  }

  /** Whether media of a participant that cannot be decrypted is worth a report: not while all of it waits for its key. */
  expects(identity: string): boolean {
    return this.#room.participants.get(identity)?.tracks.some(({ sid }) => this.#isOpen(sid)) ?? false;
  }

  #isDecryptable(identity: string, status: MemberEncryption | undefined, { isEncrypted }: ReceiverInput): boolean {
    return !isEncrypted || (status?.status === "ok" && this.#room.hasKey(identity, status.keyIndex));
  }

  #isOpen(sid: string): boolean {
    const reception = this.#received.get(sid);
    return reception !== undefined && reception !== "off" && reception !== "held";
  }
}

/** Reports of media that could not be decrypted. */
const late: ReadonlySet<string> = new Set(["missing-key", "invalid-key"]);
