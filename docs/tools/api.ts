// The API reference in docs/api: one page for each subpath, made of the docstrings. `npm run docs` writes it.
// `--check` writes nothing and fails if a page is out of date.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { type Declaration, declarationOf, exportsOf, namesIn, type Reference } from "./declarations.ts";

const folder = "docs/api";
const { name: packageName, exports } = JSON.parse(readFileSync("package.json", "utf8"));

interface Subpath {
  /** What one imports, for instance `matrixrtc-rx/js-sdk`. */
  readonly specifier: string;
  readonly page: string;
  readonly names: readonly Reference[];
}

const subpaths: readonly Subpath[] = Object.keys(exports)
  .filter((subpath) => !subpath.endsWith(".json"))
  .map((subpath) => ({
    specifier: join(packageName, subpath),
    page: subpath === "." ? "core.md" : `${subpath.slice(2).replaceAll("/", "-")}.md`,
    names: exportsOf(join("src", subpath, "index.ts")),
  }));

const keyOf = ({ name, file }: Reference): string => `${file}#${name}`;
const isPublic = new Set(subpaths.flatMap(({ names }) => names.map(keyOf)));

/** The types that these declarations mention, also through others, and that nobody can import by name. */
function mentioned(declarations: readonly Declaration[]): Declaration[] {
  const found = new Map<string, Declaration>();
  const visit = ({ code, file }: Declaration): void => {
    const words = code.replaceAll(/\/\*\*[\s\S]*?\*\/|"[^"]*"/g, "").match(/\b[A-Z]\w+/g) ?? [];
    const names = namesIn(file);
    for (const word of new Set(words)) {
      const reference = names.get(word);
      if (!reference || isPublic.has(keyOf(reference)) || found.has(keyOf(reference))) continue;
      const declaration = declarationOf(reference);
      found.set(keyOf(reference), declaration);
      visit(declaration);
    }
  };
  declarations.forEach(visit);
  return [...found.values()];
}

/** A docstring as Markdown: its tags become words. */
function prose(docs: string): string {
  const [text = "", ...tags] = docs.split(/^@/m);
  const named = tags.map((tag) => {
    const [, kind = "", rest = ""] = /^(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
    if (kind === "example") return `Example:\n\n${rest.trim()}`;
    if (kind === "throws") return `Throws ${rest.trim()}`;
    const [, subject = "", about = ""] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
    return `\`${subject}\`: ${about.trim()}`;
  });
  return [text.trim(), ...named].join("\n\n");
}

const entry = (declaration: Declaration): string =>
  [`### ${declaration.as}`, prose(declaration.docs), `\`\`\`\`ts\n${declaration.code}\n\`\`\`\``].join("\n\n");

/** Links to the entries of a page. As on GitHub, the second of two equal anchors ends in `-1`. */
function linksTo(declarations: readonly Declaration[], page = ""): Map<Declaration, string> {
  const used = new Map<string, number>();
  const link = ({ as }: Declaration): string => {
    const anchor = as.toLowerCase();
    const count = used.get(anchor) ?? 0;
    used.set(anchor, count + 1);
    return `[\`${as}\`](${page}#${anchor}${count === 0 ? "" : `-${count}`})`;
  };
  return new Map(declarations.map((declaration) => [declaration, link(declaration)]));
}

const section = (title: string, declarations: readonly Declaration[]): string[] =>
  declarations.length === 0 ? [] : [`## ${title}`, ...declarations.map(entry)];

const generated = "`npm run docs` writes this page from the docstrings in `src`. Edit those instead.";

const isType = ({ kind }: Declaration): boolean => kind === "interface" || kind === "type";

/** What a subpath exports, in the order of its page: values, then types. */
function exportedBy({ names }: Subpath): Declaration[] {
  const declarations = names.map(declarationOf);
  return [...declarations.filter((each) => !isType(each)), ...declarations.filter(isType)];
}

function pageOf(subpath: Subpath): string {
  const declarations = exportedBy(subpath);
  const values = declarations.filter((each) => !isType(each));
  const types = declarations.filter(isType);
  const links = linksTo(declarations);
  return [
    `# ${subpath.specifier}`,
    generated,
    ...[values, types].map((group) => group.map((each) => links.get(each)).join(" · ")),
    ...section("Functions and classes", values),
    ...section("Types", types),
    ...section("Types that others are made of", mentioned(declarations)),
  ].join("\n\n");
}

function overview(): string {
  const lists = subpaths.map((subpath) => {
    const links = [...linksTo(exportedBy(subpath), subpath.page).values()];
    return `## [${subpath.specifier}](${subpath.page})\n\n${links.join(" · ")}`;
  });
  return ["# API reference", generated, ...lists].join("\n\n");
}

const pages = new Map([["README.md", overview()], ...subpaths.map((each) => [each.page, pageOf(each)] as const)]);
for (const [page, text] of pages) pages.set(page, await format(text, { parser: "markdown", printWidth: 120 }));

mkdirSync(folder, { recursive: true });
const present = readdirSync(folder);
if (process.argv.includes("--check")) {
  const stale = [...new Set([...present, ...pages.keys()])].filter(
    (page) => !present.includes(page) || readFileSync(join(folder, page), "utf8") !== pages.get(page),
  );
  if (stale.length > 0) {
    console.error(`${stale.map((page) => join(folder, page)).join(", ")}: out of date, run \`npm run docs\``);
    process.exitCode = 1;
  }
} else {
  for (const page of present) if (!pages.has(page)) rmSync(join(folder, page));
  for (const [page, text] of pages) writeFileSync(join(folder, page), text);
}
