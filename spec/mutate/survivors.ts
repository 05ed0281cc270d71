// Survivors: the mutants that no spec notices, and whether docs/mutations.md lists them with a reason.

/** What we read of a report of Stryker: the mutation testing report schema. */
export interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

interface Mutant {
  readonly status: string;
  readonly replacement: string;
  readonly location: { readonly start: { readonly line: number } };
}

export interface Survivor {
  readonly path: string;
  readonly line: number;
  /** The line as it is. */
  readonly code: string;
  /** What Stryker has put in the place of a part of it. */
  readonly change: string;
  readonly status: string;
}

/** A row of docs/mutations.md. Without a change, all survivors of that code are meant. */
export interface Listed {
  readonly path: string;
  readonly code: string;
  readonly change: string;
}

/** How many mutants were noticed, and which ones were not. Mutants that do not compile or run at import do not count. */
export function resultOf({ files }: Report): { readonly noticed: number; readonly survivors: readonly Survivor[] } {
  const mutants = Object.entries(files).flatMap(([path, file]) =>
    file.mutants.map(({ status, replacement, location: { start } }) => {
      const code = file.source.split("\n")[start.line - 1] ?? "";
      return { path, line: start.line, code: oneLine(code), change: oneLine(replacement), status };
    }),
  );
  return {
    noticed: mutants.filter(({ status }) => status === "Killed" || status === "Timeout").length,
    survivors: mutants.filter(({ status }) => status === "Survived" || status === "NoCoverage"),
  };
}

/** The rows of the tables of a page: `| file | code | change | reason |`. The heading above a table is its folder. */
export function listedIn(page: string): readonly Listed[] {
  const rows: Listed[] = [];
  let folder = "";
  for (const line of page.split("\n")) {
    folder = /^## `(src\/.+)`$/.exec(line)?.[1] ?? folder;
    const [, file, code, change] = line.split(/(?<!\\)\|/).map(codeOf);
    if (file?.endsWith(".ts") && code) rows.push({ path: `${folder}/${file}`, code, change: change ?? "" });
  }
  return rows;
}

export const isListed = ({ path, code, change }: Survivor, listed: readonly Listed[]): boolean =>
  listed.some((row) => row.path === path && code.includes(row.code) && (row.change === "" || row.change === change));

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** The text of a cell that is code, and nothing for words. */
const codeOf = (cell: string): string => /`(.+)`/.exec(cell.replaceAll("\\|", "|"))?.[1] ?? "";
