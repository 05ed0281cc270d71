// Speaking: whether somebody speaks, from the level of their voice. It lasts over the pauses between words.

/** About -30 dB: louder than a quiet room. */
const loudEnough = 0.03;
const pauseMs = 500;

export class SpeakingDetector {
  #lastLoudTs = -Infinity;

  /** @param level From 0 to 1. Undefined while there is no sound to measure. */
  hear(level: number | undefined, now: number): boolean {
    if (level !== undefined && level >= loudEnough) this.#lastLoudTs = now;
    return now - this.#lastLoudTs < pauseMs;
  }
}
