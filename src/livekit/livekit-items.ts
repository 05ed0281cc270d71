// LivekitItems: one item for each member of a call, brought in line with connections, keys and tracks.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { OutgoingMedia } from "../media/outgoing.ts";
import type { Membership } from "../types.ts";
import { LivekitItem } from "./livekit-item.ts";
import type { LivekitParticipant } from "./livekit-participant.ts";
import { memberMedia, ownParticipant } from "./member-media.ts";
import type { SfuLinks } from "./sfu-links.ts";
import type { SfuPlan } from "./sfu-plan.ts";
import type { Tiles } from "./tiles.ts";

export interface ItemsInput<Track> {
  /** The members to show: none while we are not in the call. */
  readonly members: readonly Membership[];
  /** Our own entry among them. */
  readonly local: Membership | undefined;
  readonly media: OutgoingMedia<Track>;
  readonly isEncrypted: boolean;
  readonly statuses: ReadonlyMap<string, MemberEncryption>;
  readonly unplanned: SfuPlan["unplanned"];
  readonly now: number;
}

/** The items, and what is to be emitted once all of them are up to date. */
export interface ItemsUpdate<Track> {
  readonly participants: readonly LivekitParticipant<Track>[];
  readonly emits: readonly (() => void)[];
}

export class LivekitItems<Track> {
  readonly #items = new Map<string, LivekitItem<Track>>();
  readonly #links: SfuLinks<Track>;
  readonly #tiles: Tiles;

  constructor(links: SfuLinks<Track>, tiles: Tiles) {
    this.#links = links;
    this.#tiles = tiles;
  }

  update(input: ItemsInput<Track>): ItemsUpdate<Track> {
    const emits: (() => void)[] = [];
    const instances = new Set(input.members.map(({ instance }) => instance));
    for (const [instance, item] of this.#items) {
      if (instances.has(instance)) continue;
      this.#items.delete(instance);
      emits.push(() => item.end());
    }
    const participants = input.members.map((member) => {
      const isLocal = member === input.local;
      const item = this.#itemOf(member, isLocal);
      if (item.update(member, isLocal, this.#mediaOf(member, isLocal, item, input))) emits.push(() => item.emit());
      return item.item;
    });
    return { participants, emits };
  }

  end(): void {
    for (const item of this.#items.values()) item.end();
    this.#items.clear();
  }

  #itemOf(member: Membership, isLocal: boolean): LivekitItem<Track> {
    const known = this.#items.get(member.instance);
    if (known) return known;
    const made = new LivekitItem<Track>(member, isLocal, (source, tile) => this.#tiles.show(member, source, tile));
    this.#items.set(member.instance, made);
    return made;
  }

  #mediaOf(member: Membership, isLocal: boolean, item: LivekitItem<Track>, input: ItemsInput<Track>) {
    const { isEncrypted, statuses, unplanned, media, now } = input;
    const { participantIdentity: identity } = member;
    const link = isLocal ? this.#links.publishing : this.#links.of(member);
    const room = link?.isUp ? link.room : undefined;
    const receiver = isLocal ? undefined : link?.receiver;
    return memberMedia<Track>(
      {
        link: link?.connection,
        unplanned: unplanned.get(member),
        participant: isLocal ? ownParticipant(room?.local, identity, media) : room?.participants.get(identity),
        wasConnected: item.wasConnected,
        isEncrypted,
        keys: statuses.get(identity),
        held: (sid) => receiver?.held(sid),
        now,
      },
      item.media,
    );
  }
}
