// A page that lists the devices to choose from, and plays the sound of its own microphone, or a tone.
import { type AvailableDevices, ownDevices, playSound, type SoundState } from "matrixrtc-rx/media";
import { BehaviorSubject, distinctUntilChanged, map, Subscription } from "rxjs";

declare global {
  interface Window {
    devicesPage: {
      /** All lists until now. */
      readonly lists: readonly AvailableDevices[];
      openMicrophone(): void;
      play(what: "microphone" | "tone"): void;
      output(deviceId: string): void;
      stop(): void;
      readonly states: readonly SoundState[];
      /** What the elements of the page play. */
      heard(): readonly { readonly currentTime: number; readonly paused: boolean; readonly sinkId: string }[];
    };
  }
}

const microphone$ = new BehaviorSubject(false);
const output$ = new BehaviorSubject("");
const { media$, available$ } = ownDevices({ microphone: microphone$ });
const voice$ = media$.pipe(
  map(({ microphone }) => microphone?.track),
  distinctUntilChanged(),
);
const tone = (): MediaStreamTrack => {
  const context = new AudioContext();
  const destination = new MediaStreamAudioDestinationNode(context);
  const oscillator = new OscillatorNode(context);
  oscillator.connect(destination);
  oscillator.start();
  return destination.stream.getAudioTracks()[0]!;
};
const lists: AvailableDevices[] = [];
const states: SoundState[] = [];
const playing = new Subscription();

available$.subscribe((list) => lists.push(list));
media$.subscribe();

window.devicesPage = {
  lists,
  states,
  openMicrophone: () => microphone$.next(true),
  play(what) {
    const sound = what === "tone" ? tone() : voice$;
    playing.add(playSound(sound, { output: output$ }).subscribe((state) => states.push(state)));
  },
  output: (deviceId) => output$.next(deviceId),
  stop: () => playing.unsubscribe(),
  heard: () =>
    [...document.querySelectorAll("audio")].map(({ currentTime, paused, sinkId }) => ({ currentTime, paused, sinkId })),
};
