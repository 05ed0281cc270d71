// Wav: 16-bit sound in a file, written while it comes, and read at once.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

export interface Sound {
  readonly sampleRate: number;
  readonly channels: number;
  /** The samples of the channels in turn. */
  readonly samples: Int16Array;
}

const headerLength = 44;

/** Writes a mono file. Its header is right once it is closed. */
export class WavFile {
  readonly path: string;
  readonly #file: number;
  readonly #sampleRate: number;
  #length = 0;

  constructor(path: string, sampleRate: number) {
    this.path = path;
    this.#sampleRate = sampleRate;
    this.#file = openSync(path, "w");
    writeSync(this.#file, header(sampleRate, 0));
  }

  get durationMs(): number {
    return (1_000 * this.#length) / this.#sampleRate;
  }

  write(samples: Int16Array): void {
    writeSync(this.#file, samples);
    this.#length += samples.length;
  }

  close(): void {
    writeSync(this.#file, header(this.#sampleRate, 2 * this.#length), 0, headerLength, 0);
    closeSync(this.#file);
  }
}

function header(sampleRate: number, dataLength: number): Buffer {
  const bytes = Buffer.alloc(headerLength);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(headerLength - 8 + dataLength, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  // PCM, one channel, 16 bits.
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(2 * sampleRate, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(dataLength, 40);
  return bytes;
}

/** Reads a file of 16-bit PCM. Throws if it is anything else. */
export function readWav(path: string): Sound {
  const bytes = readFileSync(path);
  if (bytes.toString("latin1", 0, 4) !== "RIFF" || bytes.toString("latin1", 8, 12) !== "WAVE")
    throw new Error(`${path} is no WAV file`);
  let format: { readonly sampleRate: number; readonly channels: number } | undefined;
  // Chunks begin at even addresses.
  for (let at = 12; at + 8 <= bytes.length; at += 8 + 2 * Math.ceil(bytes.readUInt32LE(at + 4) / 2)) {
    const name = bytes.toString("latin1", at, at + 4);
    const length = Math.min(bytes.readUInt32LE(at + 4), bytes.length - at - 8);
    if (name === "fmt ") {
      if (bytes.readUInt16LE(at + 8) !== 1 || bytes.readUInt16LE(at + 22) !== 16)
        throw new Error(`${path} has no 16-bit PCM`);
      format = { channels: bytes.readUInt16LE(at + 10), sampleRate: bytes.readUInt32LE(at + 12) };
    }
    if (name !== "data" || !format) continue;
    const start = at + 8;
    const samples = Int16Array.from({ length: Math.floor(length / 2) }, (_, of) => bytes.readInt16LE(start + 2 * of));
    return { ...format, samples };
  }
  throw new Error(`${path} has no sound`);
}
