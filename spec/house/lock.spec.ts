import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Entry {
  readonly link?: boolean;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const file = new URL("../../package-lock.json", import.meta.url);
const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Readonly<Record<string, Entry>> };
const fromElsewhere = Object.entries(packages).filter(([path, { link }]) => path.includes("node_modules/") && !link);

it("every package that npm installs, the Node of this project included, is pinned by a hash", () => {
  expect(fromElsewhere.length).toBeGreaterThan(50);
  expect(fromElsewhere.filter(([, { integrity }]) => !integrity?.startsWith("sha512-"))).toEqual([]);
});

it("no package runs a script when it is installed", () =>
  expect(fromElsewhere.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]));
