import { expect, it } from "vitest";
import { isListed, listedIn, type Report, resultOf } from "./survivors.ts";

const source = "const a = 1;\n  if (a > b || !c) return;\n";
const mutant = (status: string, replacement: string) => ({ status, replacement, location: { start: { line: 2 } } });
const report: Report = {
  files: {
    "src/rx/at.ts": {
      source,
      mutants: [
        mutant("Killed", "false"),
        mutant("Timeout", "{}"),
        mutant("Ignored", "''"),
        mutant("Survived", "a >= b"),
        mutant("NoCoverage", "a > b ||\n    c"),
      ],
    },
  },
};

it("Mutants that were killed or ran for too long were noticed, and ignored ones do not count", () => {
  const { noticed, survivors } = resultOf(report);
  expect(noticed).toBe(2);
  expect(survivors.map(({ line, code, change }) => [line, code, change])).toEqual([
    [2, "if (a > b || !c) return;", "a >= b"],
    [2, "if (a > b || !c) return;", "a > b || c"],
  ]);
});

it("A survivor is listed by a row with its file, a part of its line, and its change or any change", () => {
  const page = (row: string) =>
    listedIn(`## \`src/rx\`\n\n| file | code | change | why |\n| --- | --- | --- | --- |\n${row}`);
  const listed = (row: string) => resultOf(report).survivors.map((survivor) => isListed(survivor, page(row)));
  expect(listed("| `at.ts` | `a > b \\|\\| !c` | any | a reason |")).toEqual([true, true]);
  expect(listed("| `at.ts` | `a > b` | `a >= b` | a reason |")).toEqual([true, false]);
  expect(listed("| `at.ts` | `a > b` | `a > b \\|\\| c` | a reason |")).toEqual([false, true]);
  expect(listed("| `of.ts` | `a > b` | any | a reason |")).toEqual([false, false]);
  expect(listed("Words about `at.ts` and `a > b`.")).toEqual([false, false]);
});
