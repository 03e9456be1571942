/** What stands on a screen is in the terms of the screens: no codes, headers, paths or names of fields; and one format of numbers. */
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SOURCES = import.meta.glob<string>(["../**/*.tsx", "../**/*.ts", "!../**/*.test.*", "!../test/**", "!../shared/api/types.ts", "!../shared/api/rules.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const NO_WORDS = /[a-z]_[a-z]|[A-Z]{2,}_[A-Z]|\/(auth|api)\/|\b(HTTP|JSON|CSRF|Idempotency|If-Match|undefined|NaN|null|payload|endpoint|batch|batches)\b/;

/** Texts of a file that people may read: what stands between tags, and strings of more than one word. */
function texts(name: string, source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node) || (ts.isJsxAttribute(node) && ["className", "to", "href"].includes(node.name.getText()))) return;
    if (ts.isJsxText(node)) found.push(node.text.trim());
    else if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) {
      if (/[A-Za-z]+ [A-Za-z]+/.test(node.text)) found.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, name.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS));
  return found.filter(Boolean);
}

describe("the texts of the interface", () => {
  const all = Object.entries(SOURCES).flatMap(([name, source]) => texts(name, source).map((text) => ({ name, text })));
  it("are found", () => expect(all.length).toBeGreaterThan(300));
  it("are words, and no code of ours is among them", () => {
    expect(all.filter(({ text }) => NO_WORDS.test(text))).toEqual([]);
  });
  it.each(["<p>Send an Idempotency-Key</p>", "<p>sign in at /auth/login</p>", 'const a = "no batch is open";', "<b>MIN_TAX</b>"])("of %s would not be words", (source) => {
    expect(texts("a.tsx", source).filter((text) => NO_WORDS.test(text))).not.toEqual([]);
  });
});


describe("numbers", () => {
  it("are written in one place", () => {
    const elsewhere = Object.entries(SOURCES).filter(([name, source]) => /Intl\.|toLocaleString|toFixed\(/.test(source) && !/shared\/format\/(format|decimal)\.ts$|shared\/ui\/BandBar\.tsx$/.test(name));
    expect(elsewhere.map(([name]) => name)).toEqual([]);
  });
});
