// The examples in the documentation: every ts fence of the sources' docstrings and of the Markdown pages.

export interface Example {
  /** Where it stands: the file and the line of its fence. */
  readonly place: string;
  readonly code: string;
}

const fence = /^([ \t]*(?:\* ?)?)```ts\n([\s\S]*?)^[ \t]*(?:\* ?)?```$/gm;

/** The examples of one file. */
export function examplesIn(path: string, text: string): Example[] {
  return [...text.matchAll(fence)].map((match) => ({
    place: `${path}:${text.slice(0, match.index).split("\n").length}`,
    code: (match[2] ?? "").replace(/^[ \t]*\* ?/gm, (margin) => (match[1]?.includes("*") ? "" : margin)),
  }));
}
