// The recorder writes WAV files, and the announcer reads them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readWav, WavFile } from "../../examples/recipes/wav.ts";

const folder = mkdtempSync(join(tmpdir(), "wav-spec-"));
const path = join(folder, "sound.wav");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("What was written piece by piece is read as a whole", () => {
  const file = new WavFile(path, 16_000);
  file.write(Int16Array.of(1, -2, 3));
  file.write(Int16Array.of(9, 9, -32_768, 32_767, 9).subarray(2, 4));
  expect(file.durationMs).toBeCloseTo(5 / 16);
  file.close();
  expect(readWav(path)).toEqual({ sampleRate: 16_000, channels: 1, samples: Int16Array.of(1, -2, 3, -32_768, 32_767) });
});

test("Chunks of other kinds are skipped, and a cut file is read as far as it goes", () => {
  const file = new WavFile(path, 8_000);
  file.write(Int16Array.of(5, 6, 7));
  file.close();
  const bytes = readFileSync(path);
  const note = Buffer.from("LIST\u0003\0\0\0abc\0", "latin1");
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 36), note, bytes.subarray(36, -2)]));
  expect(readWav(path).samples).toEqual(Int16Array.of(5, 6));
});

test("Anything else is refused by name", () => {
  writeFileSync(path, "no sound at all");
  expect(() => readWav(path)).toThrow(/is no WAV file$/);
});
