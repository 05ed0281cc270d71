// Tile: one member of the call: picture, name, lock, the index of the key in use, and why nothing is to be seen.
import { type Participant, Track } from "livekit-client";
import type { RtcSession } from "matrixrtc-rx";
import { finalize, ignoreElements, type Observable, tap } from "rxjs";
import { element, shown } from "./element.ts";
import { encryptionOf, trouble } from "./encryption.ts";
import { lockWords } from "./lock.ts";
import type { Seen } from "./watch.ts";

export interface TileOptions {
  readonly grid: HTMLElement;
  readonly session: RtcSession;
  readonly nameOf: (userId: string) => string;
}

/** Shows a member for as long as it is subscribed to. */
export function tile(seen$: Observable<Seen>, { grid, session, nameOf }: TileOptions): Observable<never> {
  const video = element("video", { autoplay: true, playsInline: true, muted: true });
  const audio = element("audio", { autoplay: true });
  const initial = element("span", { className: "initial" });
  const name = element("span", { className: "name" });
  const lock = element("span", { className: "lock" });
  const key = element("span", { className: "key" });
  const why = element("p", { className: "why" });
  const footer = element("footer", {}, lock, name, key);
  const node = element("article", { className: "tile" }, initial, video, audio, why, footer);
  const picture = player(video, Track.Source.Camera);
  const sound = player(audio, Track.Source.Microphone);

  const show = ({ member, isOwn, participant, keyIndexes, lock: state }: Seen) => {
    const called = nameOf(member.userId);
    name.textContent = isOwn ? `${called} (you)` : called;
    initial.textContent = called.slice(0, 1).toUpperCase();
    why.textContent = trouble(encryptionOf(session, member));
    lock.title = [lockWords[state], why.textContent].filter(Boolean).join(". ");
    key.textContent = keyIndexes.length > 0 ? `key ${keyIndexes.at(-1)}` : "";
    Object.assign(node.dataset, { user: member.userId, own: isOwn, lock: state, picture: picture(participant) });
    if (!isOwn) node.dataset["muted"] = String(!sound(participant));
  };
  const clear = () => {
    picture(undefined);
    sound(undefined);
  };
  return shown(node, grid, seen$.pipe(tap(show), finalize(clear), ignoreElements()));
}

/** Plays a participant's track of one source, if it is encrypted; says whether there is one to play. */
function player(node: HTMLMediaElement, source: Track.Source) {
  let playing: Track | undefined;
  return (participant: Participant | undefined): boolean => {
    const publication = participant?.getTrackPublication(source);
    const isPlayable = publication && !publication.isMuted && publication.isEncrypted;
    const track = isPlayable ? publication.track : undefined;
    if (track !== playing) {
      playing?.detach(node);
      track?.attach(node);
      playing = track;
    }
    return track !== undefined;
  };
}
