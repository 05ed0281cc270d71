// What the documentation cites: spec files with titles, and paths of the repository.

/** A spec file, and a title in it. */
export interface Citation {
  readonly file: string;
  readonly title: string;
}

const specs = /`(spec\/[\w./-]+\.ts)`((?:[:,]?\s*"[^"]+")+)/g;

/** The spec titles that a page cites, each as "`spec/file.spec.ts`: "title", "title"". */
export function citationsIn(text: string): Citation[] {
  return [...text.matchAll(specs)].flatMap(([, file = "", titles = ""]) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => ({ file, title: title.replaceAll(/\s+/g, " ") })),
  );
}

/** The titles that a spec file could have: every string in it. A title that is computed is cited as it is written. */
export function stringsIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/"([^"\n]*)"|`([^`]*)`/g)].map(([, quoted, template]) => quoted ?? template ?? ""));
}

/** The string that has the most words in common with a title: what it was probably renamed to. */
export function nearest(title: string, strings: Iterable<string>): string | undefined {
  const wordsOf = (text: string) => new Set(text.toLowerCase().match(/\w+/g) ?? []);
  const words = wordsOf(title);
  const scored = [...strings].map((text) => {
    const others = wordsOf(text);
    const shared = [...words].filter((word) => others.has(word)).length;
    return { text, score: (2 * shared) / (words.size + others.size) };
  });
  return scored.toSorted((a, b) => b.score - a.score)[0]?.text;
}

/** The paths of this repository that a page names in code spans, and the targets of its relative links. */
export function pathsIn(text: string): string[] {
  const prose = text.replaceAll(/^(`{3,})[^\n]*\n[\s\S]*?^\1$/gm, "");
  const named = [...prose.matchAll(/`((?:src|spec|examples|docs)\/[\w./*-]*)`/g)].map(([, path = ""]) => path);
  return named.filter((path) => !path.includes("*"));
}

/** The targets of the relative links of a page, without their anchors. */
export function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\((?!\w+:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
}
