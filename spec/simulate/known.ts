// Known: scenarios that have broken an invariant once. They stay as files, and run with every test.
import { readdirSync, readFileSync } from "node:fs";
import type { Scenario } from "./scenario.ts";

export interface Known {
  /** The name of its file. */
  readonly name: string;
  readonly about: string;
  readonly scenario: Scenario;
}

const folder = new URL("known/", import.meta.url);

const read = (file: string): Known => {
  const { about, scenario } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Omit<Known, "name">;
  return { name: file.replace(".json", ""), about, scenario };
};

export const known: readonly Known[] = readdirSync(folder).toSorted().map(read);
