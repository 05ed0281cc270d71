// Receiver: decides what is received on one room: only members, only what can be decrypted, only what is shown. docs/media.md.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { Membership } from "../types.ts";
import { receptionOf, type TileSize } from "./wanted-layer.ts";
import type { Reception, SfuRoom, SfuTrack } from "./sfu-room.ts";

export interface ReceiverInput {
  readonly isEncrypted: boolean;
  /** The members that publish on this SFU, by identity. */
  readonly members: ReadonlyMap<string, Membership>;
  readonly statuses: ReadonlyMap<string, MemberEncryption>;
  readonly everything: boolean;
  readonly lowBandwidth: boolean;
  readonly tilesOf: (member: Membership, source: string) => readonly TileSize[];
}

type Room<Track> = Pick<SfuRoom<Track>, "participants" | "hasKey" | "receive" | "refresh">;

/** What is received of a track. `held`: it is subscribed to, and waits for its key: then only its media has to come. */
type Received = Reception | "held";

/** Participants that are no members may be members in a moment. Any number of them may be none. */
const maxExpected = 10;

/** Holds which tracks of one room are received. */
export class Receiver<Track> {
  readonly #room: Room<Track>;
  #received = new Map<string, Received>();
  /** Participants whose media came without its key. */
  readonly #lacked = new Set<string>();

  constructor(room: Room<Track>) {
    this.#room = room;
  }

  /** Whether a track waits for its key. */
  isHeld(sid: string): boolean {
    return this.#received.get(sid) === "held";
  }

  /** Whether a video is not received because nothing shows it. */
  isPaused(sid: string): boolean {
    const reception = this.#received.get(sid);
    return reception === "paused" || reception === "off";
  }

  /** Sets the reception of every track. Returns whose pictures were refreshed, because their keys have come late. */
  update(input: ReceiverInput): readonly string[] {
    const { participants } = this.#room;
    const received = new Map<string, Received>();
    const refreshed: string[] = [];
    let expected = 0;
    for (const [identity, { tracks }] of participants) {
      const member = input.members.get(identity);
      const status = input.statuses.get(identity);
      const isDecryptable = this.#isDecryptable(identity, status, input);
      // The SFU shows a joiner before the room does. It is prepared as if its key were missing, so that nothing of it comes.
      const isExpected = !member && input.isEncrypted && (expected += 1) <= maxExpected;
      for (const track of tracks) {
        const { sid } = track;
        const isPrepared = isExpected && track.encrypted && track.source !== "unknown";
        const isAllowed = member && (!input.isEncrypted || track.encrypted);
        // A key that changes, or a stay that begins again, does not end what is received.
        const isOpen = isDecryptable || this.#isOpen(sid);
        const reception = isAllowed
          ? wanted(track, member, (this.#received.get(sid) ?? "off") !== "off", input)
          : "off";
        const next = isPrepared || !(reception === "off" || isOpen) ? "held" : reception;
        if (isAllowed || isPrepared) received.set(sid, next);
        this.#room.receive(identity, sid, next === "held" ? "paused" : next);
      }
      if (status?.status === "waiting" && late.has(status.reason)) this.#lacked.add(identity);
      else if (isDecryptable && this.#lacked.delete(identity)) {
        this.#room.refresh(identity);
        refreshed.push(identity);
      }
    }
    this.#received = received;
    return refreshed;
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

function wanted<Track>(
  track: SfuTrack<Track>,
  member: Membership,
  isSubscribed: boolean,
  input: ReceiverInput,
): Reception {
  const { everything, lowBandwidth, tilesOf } = input;
  const { kind, source } = track;
  return receptionOf({ kind, tiles: tilesOf(member, source), everything, lowBandwidth, isSubscribed });
}
