// The examples of the documentation: every ts fence of the docstrings and of the Markdown pages.

export interface Example {
  /** The file and the line of its fence. */
  readonly place: string;
  readonly code: string;
  /** Whether its fence is marked `ts homeserver`: it needs one to run. */
  readonly needsHomeserver: boolean;
}

const fence = /^([ \t]*(?:\* ?)?)```ts( homeserver)?\n([\s\S]*?)^[ \t]*(?:\* ?)?```$/gm;

/** The examples of one file. */
export function examplesIn(path: string, text: string): Example[] {
  return [...text.matchAll(fence)].map((match) => {
    const [, margin = "", mark, code = ""] = match;
    return {
      place: `${path}:${text.slice(0, match.index).split("\n").length}`,
      code: margin.includes("*") ? code.replace(/^[ \t]*\* ?/gm, "") : code,
      needsHomeserver: mark !== undefined,
    };
  });
}
