// The documentation names specs, files and pages that exist, so that a renamed one cannot leave a page behind.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { citationsIn, linksIn, nearest, pathsIn, stringsIn } from "./citations.ts";

const pages = globSync(["*.md", "docs/*.md", "examples/**/*.md"]).filter((page) => !page.includes("node_modules"));
const textOf = (file: string): string => readFileSync(file, "utf8");

it.each(pages)("%s cites spec titles that exist", (page) => {
  const missing = citationsIn(textOf(page)).flatMap(({ file, title }) => {
    if (!existsSync(file)) return [`${file} does not exist`];
    const titles = stringsIn(textOf(file));
    return titles.has(title) ? [] : [`${file} has no "${title}"; nearest: "${nearest(title, titles)}"`];
  });
  expect(missing).toEqual([]);
});

it.each(pages)("%s names paths that exist", (page) => {
  const exists = (path: string) => existsSync(path) || existsSync(join(dirname(page), path));
  expect(pathsIn(textOf(page)).filter((path) => !exists(path))).toEqual([]);
});

it.each(pages)("%s links to pages that exist", (page) => {
  expect(linksIn(textOf(page)).filter((target) => !existsSync(join(dirname(page), target)))).toEqual([]);
});

it("the pitfalls cite specs", () => expect(citationsIn(textOf("docs/pitfalls.md")).length).toBeGreaterThan(80));
