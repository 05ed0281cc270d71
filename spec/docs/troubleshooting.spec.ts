// docs/troubleshooting.md has an entry for each word that a user can meet, and for no other.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exportsOf, sourceOf } from "../../docs/tools/declarations.ts";

const indexes = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).exports as Record<string, unknown>)
  .filter((subpath) => !subpath.endsWith(".json"))
  .map((subpath) => join("src", subpath, "index.ts"));

/** The words of a public union of strings, or of what its members call their `status`. */
function wordsOf(type: string): string[] {
  const reference = indexes.flatMap(exportsOf).find(({ as }) => as === type);
  if (!reference) throw new Error(`no subpath exports ${type}`);
  const code = sourceOf(reference).code.replaceAll(/\/\*\*[\s\S]*?\*\//g, "");
  const statuses = [...code.matchAll(/status: "([^"]+)"/g)];
  const words = statuses.length > 0 ? statuses : [...code.matchAll(/"([^"]+)"/g)];
  return words.map(([, word = ""]) => word);
}

/** The sections of the page that are about a type, each with the words of its entries. */
const sections = readFileSync("docs/troubleshooting.md", "utf8")
  .split(/^## /m)
  .flatMap((section) => {
    const [, type] = /^[^\n]*: `(\w+)`\n/.exec(section) ?? [];
    const words = [...section.matchAll(/^### `([^`]+)`$/gm)].map(([, word = ""]) => word);
    return type === undefined ? [] : [{ type, words }];
  });

describe("Troubleshooting", () => {
  it("is about each type whose words a user meets", () => {
    const types = ["RtcErrorCode", "RejectionReason", "EncryptionStatus", "WaitingReason", "KeyRejection"];
    expect(sections.map(({ type }) => type)).toEqual(
      expect.arrayContaining([...types, "RejoinReason", "JoinStep", "MatrixErrorKind"]),
    );
  });

  it.each(sections)("has an entry for each word of $type, in the order of the source", ({ type, words }) =>
    expect(words).toEqual(wordsOf(type)),
  );
});
