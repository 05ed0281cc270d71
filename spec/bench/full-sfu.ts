// FullSfu: a LiveKit server in memory on which all members of a call are, each with a microphone and a camera.
import { KeyProviderEvent } from "livekit-client";
import { concat, NEVER, of, Subject } from "rxjs";
import { keyProvider, type SfuParticipant, type SfuRooms } from "matrixrtc-rx/livekit";

export class FullSfu {
  readonly #changes$ = new Subject<void>();
  #participants: ReadonlyMap<string, SfuParticipant<string>>;

  constructor(identities: readonly string[]) {
    this.#participants = new Map(identities.map((identity) => [identity, participantOf(identity)]));
  }

  /** Keys are installed as in a browser. */
  readonly rooms: SfuRooms<string> = ({ encryption }) => {
    const provider = encryption && keyProvider(encryption);
    provider?.on(KeyProviderEvent.SetKey, () => this.#changes$.next());
    const participants = () => this.#participants;
    return {
      connect: () => concat(of("connecting" as const, "connected" as const), NEVER),
      changes$: this.#changes$,
      get participants() {
        return participants();
      },
      local: undefined,
      hasKey: (identity, keyIndex) => provider?.has(identity, keyIndex) ?? true,
      receive: () => {},
      publish: () => NEVER,
    };
  };

  /** A participant begins or ends to speak. */
  speak(identity: string, speaking: boolean): void {
    const known = this.#participants.get(identity) ?? participantOf(identity);
    this.#participants = new Map(this.#participants).set(identity, { ...known, speaking });
    this.#changes$.next();
  }
}

const participantOf = (identity: string): SfuParticipant<string> => ({
  identity,
  speaking: false,
  level: 0,
  quality: "good",
  tracks: [
    { sid: `${identity} mic`, kind: "audio", source: "microphone", muted: false, encrypted: true, track: "sound" },
    { sid: `${identity} cam`, kind: "video", source: "camera", muted: false, encrypted: true, track: "picture" },
  ],
});
