// LivekitItem: the item of one member as Behaviors, each of which emits only when its own part changes.
import { Subject } from "rxjs";
import { behavior, type Behavior } from "../rx/behavior.ts";
import type { Membership } from "../types.ts";
import { type MemberMedia, noMedia } from "./member-media.ts";
import type { LivekitParticipant } from "./livekit-participant.ts";

/** Holds what is known of one stay of a member, and the item that shows it. */
export class LivekitItem<Track> {
  media: MemberMedia<Track> = noMedia;
  wasConnected = false;
  #item: LivekitParticipant<Track>;
  readonly #changed$ = new Subject<void>();

  constructor(member: Membership, isLocal: boolean, show: LivekitParticipant<Track>["show"]) {
    const part = <T>(read: () => T): Behavior<T> => behavior(read, this.#changed$);
    this.#item = {
      member,
      isLocal,
      connection$: part(() => this.media.connection),
      tracks$: part(() => this.media.tracks),
      furtherTracks$: part(() => this.media.furtherTracks),
      speaking$: part(() => this.media.speaking),
      level$: part(() => this.media.level),
      quality$: part(() => this.media.quality),
      encryption$: part(() => this.media.encryption),
      problem$: part(() => this.media.problem),
      show,
    };
  }

  /** The item. It is another object only if the member is one. */
  get item(): LivekitParticipant<Track> {
    return this.#item;
  }

  /** Takes what is known now. Returns whether `emit` has something to say. */
  update(member: Membership, isLocal: boolean, media: MemberMedia<Track>): boolean {
    if (member !== this.#item.member || isLocal !== this.#item.isLocal) this.#item = { ...this.#item, member, isLocal };
    const before = this.media;
    this.media = media;
    if (media.connection === "connected") this.wasConnected = true;
    return (Object.keys(media) as (keyof MemberMedia<Track>)[]).some((key) => media[key] !== before[key]);
  }

  emit(): void {
    this.#changed$.next();
  }

  end(): void {
    this.#changed$.complete();
  }
}
