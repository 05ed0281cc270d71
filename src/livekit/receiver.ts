// Receiver: decides what is received on one room: only members, only what can be decrypted, only what is shown. docs/media.md.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { Membership } from "../types.ts";
import { receptionOf, type TileSize } from "./wanted-layer.ts";
import type { Reception, SfuRoom } from "./sfu-room.ts";

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

/**
 * Why nothing of a track comes. `held`: it is subscribed to, and waits for its key: then only its media has to come. `quiet`: a
 * video that comes in a moment. `paused`: nothing shows it.
 */
export type Held = "held" | "quiet" | "paused";

/** What is received of a track. */
type Received = Reception | Held;

/** Participants that are no members may be members in a moment. Any number of them may be none. */
const maxExpected = 10;

/**
 * LiveKit loses a request for a key frame of a video that it has not seen yet, and passes on one request in half a second. So a
 * video that is published while we are connected comes only after this time. A pause of this time refreshes a picture: LiveKit
 * pauses a video after 100 ms, and asks for a key frame when it goes on.
 */
const quietMs = 150;

interface KnownTrack {
  readonly received: Received;
  /** A video comes from then on. */
  readonly openTs: number;
}

/** Holds which tracks of one room are received. */
export class Receiver<Track> {
  readonly #room: Room<Track>;
  #tracks: ReadonlyMap<string, KnownTrack> | undefined;
  /** When to update again. */
  dueTs: number = Infinity;
  /** Participants whose media came without its key. */
  #lacked: ReadonlySet<string> = new Set();

  constructor(room: Room<Track>) {
    this.#room = room;
  }

  /** Why nothing of a track comes. Undefined if it comes. */
  held(sid: string): Held | undefined {
    const received = this.#tracks?.get(sid)?.received;
    return received === "off" ? "paused" : typeof received === "string" ? received : undefined;
  }

  /** Sets the reception of every track. */
  update(input: ReceiverInput): ReceiverUpdate {
    const { participants } = this.#room;
    const { now } = input;
    const known = new Map<string, KnownTrack>();
    const lacked = new Set<string>();
    const refreshed: string[] = [];
    const lacking: string[] = [];
    let expected = 0;
    this.dueTs = Infinity;
    for (const [identity, { tracks }] of participants) {
      const member = input.members.get(identity);
      const status = input.statuses.get(identity);
      const isDecryptable = this.#isDecryptable(identity, status, input);
      const isLate = status?.status === "waiting" && late.has(status.reason);
      const isRefreshed = !isLate && isDecryptable && this.#lacked.has(identity);
      if (isRefreshed) refreshed.push(identity);
      else if (isLate || this.#lacked.has(identity)) lacked.add(identity);
      const isLacking = (status?.status ?? "waiting") === "waiting";
      if (isLacking && tracks.some((one) => one.encrypted && !one.muted)) lacking.push(identity);
      // The SFU shows a joiner before the room does. It is prepared as if its key were missing, so that nothing of it comes.
      const isExpected = !member && input.isEncrypted && (expected += 1) <= maxExpected;
      for (const track of tracks) {
        const { sid, kind, source } = track;
        const before = this.#tracks?.get(sid);
        const isPrepared = isExpected && track.encrypted && source !== "unknown";
        const isAllowed = member && (!input.isEncrypted || track.encrypted);
        // The worker decrypts a track only once it is there: a key frame that comes sooner is lost.
        const canOpen = isDecryptable && (!input.isEncrypted || track.track !== undefined);
        // A key that changes, or a stay that begins again, does not end what is received.
        const isOpen = canOpen || isOpened(before);
        const isSubscribed = before !== undefined && before.received !== "off";
        const reception = isAllowed
          ? receptionOf({ ...input, kind, tiles: input.tilesOf(member, source), isSubscribed })
          : "off";
        const next = isPrepared || !(reception === "off" || isOpen) ? "held" : reception;
        const isDelayed = before ? isRefreshed && isOpened(before) : this.#tracks && input.isEncrypted;
        const openTs = isDelayed ? now + quietMs : (before?.openTs ?? now);
        const isQuiet = kind === "video" && typeof next === "object" && now < openTs;
        if (isQuiet) this.dueTs = Math.min(this.dueTs, openTs);
        if (isAllowed || isPrepared) known.set(sid, { received: isQuiet ? "quiet" : next, openTs });
        this.#room.receive(identity, sid, isQuiet || next === "held" ? "paused" : next);
      }
    }
    this.#tracks = known;
    this.#lacked = lacked;
    return { refreshed, lacking };
  }

  /** Whether media of a participant that cannot be decrypted is worth a report: not while all of it waits for its key. */
  expects(identity: string): boolean {
    return this.#room.participants.get(identity)?.tracks.some(({ sid }) => isOpened(this.#tracks?.get(sid))) ?? false;
  }

  #isDecryptable(identity: string, status: MemberEncryption | undefined, { isEncrypted }: ReceiverInput): boolean {
    return !isEncrypted || (status?.status === "ok" && this.#room.hasKey(identity, status.keyIndex));
  }
}

const isOpened = (known: KnownTrack | undefined): boolean =>
  known !== undefined && known.received !== "off" && known.received !== "held";

/** Reports of media that could not be decrypted. */
const late: ReadonlySet<string> = new Set(["missing-key", "invalid-key"]);
