// Sending: a tone, and a picture that changes, as fast as they are played.
import { setTimeout as sleep } from "node:timers/promises";
import { AudioFrame, AudioSource, VideoBufferType, VideoFrame, VideoSource } from "@livekit/rtc-node";
import { toneSamples } from "./tone.ts";

const sampleRate = 48_000;
/** LiveKit takes frames of this length without a queue. */
const frameMs = 10;
const perFrame = (sampleRate * frameMs) / 1_000;
const periodMs = 1_000;
const lateMs = 100;
const [width, height] = [320, 180];
const pictureMs = 100;

/**
 * Writes for as long as the process lives. With a duty below 1 the tone sounds for that part of each second. LiveKit fills the gaps of a
 * queue with silence, which is encoded and sent like sound. So there is no queue, and nothing is sent in a gap.
 */
export function sendTone(hz: number, duty: number): AudioSource {
  const source = new AudioSource(sampleRate, 1, 0);
  const framesInTurn = Math.round((duty * periodMs) / frameMs);
  const write = async () => {
    // Members that started together do not sound together.
    let dueMs = performance.now() + Math.random() * periodMs;
    for (let at = 0; ; at += 1) {
      await sleep(Math.max(0, dueMs - performance.now()));
      const samples = toneSamples(hz, sampleRate, at * perFrame, perFrame);
      await source.captureFrame(new AudioFrame(samples, sampleRate, 1, perFrame));
      dueMs += (at + 1) % framesInTurn === 0 ? frameMs + (1 - duty) * periodMs : frameMs;
      // A process that was frozen does not send what it has missed.
      dueMs = Math.max(dueMs, performance.now() - lateMs);
    }
  };
  void write();
  return source;
}

/** Writes a picture ten times a second, for as long as the process lives. */
export function sendPicture(): VideoSource {
  const source = new VideoSource(width, height);
  const write = async () => {
    for (let at = 0; ; at += 1) {
      const data = new Uint8Array((width * height * 3) / 2).fill(128);
      data.fill(16 + ((at * 8) % 220), 0, width * height);
      source.captureFrame(new VideoFrame(data, width, height, VideoBufferType.I420));
      await sleep(pictureMs);
    }
  };
  void write();
  return source;
}
