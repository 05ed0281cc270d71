// Declarations: what the sources declare, as text: docstrings, and declarations without bodies.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A name that a file declares. */
export interface Reference {
  readonly name: string;
  /** The source file, for instance `src/session.ts`. */
  readonly file: string;
  /** The name under which another file imports or exports it. */
  readonly as: string;
}

export interface Declaration extends Reference {
  readonly kind: "function" | "class" | "const" | "interface" | "type";
  /** The text of its docstring, without the margin of stars. */
  readonly docs: string;
  readonly code: string;
}

/**
 * The names that an index file exports, in its order, with the file that declares each.
 *
 * @throws Error if it exports something in another way than by a list of names.
 */
export function exportsOf(index: string): readonly Reference[] {
  const list = /^export (?:type )?\{([^}]*)\} from "(\.[^"]+)";/gm;
  const rest = read(index).replaceAll(list, "");
  if (/^export\b/m.test(rest))
    throw new Error(`${index} must export names in lists: \`export { name } from "./file.ts"\``);
  return namesListed(index, list);
}

/** Everything of this package that a file can mention by name: what it imports, and the types that it declares. */
export function namesIn(file: string): ReadonlyMap<string, Reference> {
  const imported = namesListed(file, /^import (?:type )?\{([^}]*)\} from "(\.[^"]+)";/gm);
  const declared = [...read(file).matchAll(/^(?:export )?(?:interface|type) (\w+)/gm)].map(
    ([, name = ""]): Reference => ({ name, file, as: name }),
  );
  return new Map([...imported, ...declared].map((reference) => [reference.as, reference]));
}

/** The declaration of a name as its source has it, the body of a function or class included. */
export function sourceOf(reference: Reference): Declaration {
  const [found] = declarationsIn(reference.file, reference);
  if (!found) throw new Error(`${reference.file} does not declare ${reference.name}`);
  return found;
}

/**
 * The declaration of a name without its body: types as their source has them, values as `tsc` declares them. Overloads
 * come as one declaration. Needs the output of `npm run build`.
 */
export function declarationOf(reference: Reference): Declaration {
  const source = sourceOf(reference);
  if (source.kind === "interface" || source.kind === "type") return source;
  const built = reference.file.replace(/^src/, "dist").replace(/\.ts$/, ".d.ts");
  if (!existsSync(built)) throw new Error(`${built} is missing: run \`npm run build\` first`);
  return {
    ...source,
    code: declarationsIn(built, reference)
      .map(({ code }) => code)
      .join("\n"),
  };
}

// A statement begins in the first column. Its later lines are indented, empty, or close a bracket.
function declarationsIn(file: string, { name, as, file: source }: Reference): Declaration[] {
  const statement = new RegExp(
    String.raw`(?:^/\*\*(?<docs>(?:(?!\*/)[\s\S])*)\*/\n)?` +
      String.raw`^(?:export )?(?:declare )?(?<code>(?<kind>function|class|const|interface|type) ${name}\b.*(?:\n(?:[ })].*)?)*)`,
    "gm",
  );
  return [...read(file).matchAll(statement)].map(({ groups: { docs = "", code = "", kind = "" } = {} }) => ({
    name,
    as,
    file: source,
    kind: kind as Declaration["kind"],
    docs: docs.replace(/^ *\* ?/gm, "").trim(),
    code: code.trim(),
  }));
}

/** The names in all statements that a pattern matches. Its groups are a list of names and a path. */
function namesListed(file: string, statement: RegExp): Reference[] {
  return [...read(file).matchAll(statement)].flatMap(([, list = "", path = ""]) =>
    list
      .split(",")
      .map((item) => item.trim().replace(/^type /, ""))
      .filter((item) => item !== "")
      .map((item) => item.split(" as "))
      .map(([name = "", as = name]) => ({ name, as, file: join(dirname(file), path) })),
  );
}

const texts = new Map<string, string>();

function read(file: string): string {
  const text = texts.get(file) ?? readFileSync(file, "utf8");
  texts.set(file, text);
  return text;
}
