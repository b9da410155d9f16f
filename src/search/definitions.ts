import type { Family } from './languages.ts';

export interface Definition {
  /** From 0. */
  readonly line: number;
  /** White space before it, in characters: how deep it is nested, as far as a line can tell. */
  readonly indent: number;
  readonly name: string;
}

/** Lines longer than this are data or minified code: no pattern is tried on them. */
const MAX_LINE = 240;

const NOT_A_NAME = new Set(
  'if for while switch catch return else do new function await typeof throw case with'.split(' '),
);

/** One line decides; what a parser would do better is not worth a parser per language. Each names the group `name`. */
const PATTERNS: Readonly<Record<Family, readonly RegExp[]>> = {
  ecma: [
    /^\s*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|class|interface|enum|namespace|type|input)\s+(?<name>[\w$]+)/,
    /^\s*(?:export\s+)?(?:const|let|var)\s+(?<name>[\w$]+)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function|class\b|\(|[\w$]+\s*=>)/,
    /^export\s+(?:const|let|var)\s+(?<name>[\w$]+)/,
    /^\s+(?:(?:public|private|protected|static|async|override|get|set)\s+)*(?<name>#?[\w$]+)\s*(?:<[^>]*>)?\([^;]*\)\s*(?::\s*[^;{]+)?\{\s*$/,
    /^\s*(?:module\.)?exports\.(?<name>[\w$]+)\s*=/,
  ],
  rust: [
    /^\s*(?:pub(?:\([^)]*\))?\s+)?(?:default\s+|const\s+|async\s+|unsafe\s+|export\s+|inline\s+|extern\s+(?:"[^"]*"\s+)?)*(?:fn|struct|enum|trait|union|mod|type)\s+(?<name>\w+)/,
    /^\s*(?:pub(?:\([^)]*\))?\s+)?(?:static|const)\s+(?:mut\s+)?(?<name>\w+)\s*[:=]/,
    /^\s*(?:unsafe\s+)?impl(?:<.*?>)?\s+(?:.*?\sfor\s+)?(?:\w+::)*(?<name>\w+)/,
    /^\s*macro_rules!\s+(?<name>\w+)/,
  ],
  python: [/^\s*(?:async\s+)?(?:def|class)\s+(?<name>\w+)/],
  go: [/^func\s+(?:\([^)]*\)\s*)?(?<name>\w+)/, /^type\s+(?<name>\w+)/, /^(?:var|const)\s+(?<name>\w+)/],
  c: [
    /^\s*(?:typedef\s+)?(?:class|struct|enum(?:\s+class)?|union|namespace)\s+(?:[A-Z_]+\s+)?(?<name>\w+)[^;()]*$/,
    /^(?!return\b|else\b|using\b|typedef\b)[A-Za-z_][\w\s*&<>:,]*?[\s*&](?<name>~?\w+(?:::~?\w+)*)\s*\([^;]*$/,
    /^(?<name>\w+(?:::~?\w+)+)\s*\([^;]*$/,
    /^#\s*define\s+(?<name>\w+)/,
    /^@(?:interface|implementation|protocol)\s+(?<name>\w+)/,
    /^[-+]\s*\([^)]*\)\s*(?<name>\w+)/,
  ],
  jvm: [
    /^\s*(?:@\w+\s+)*(?:[\w]+\s+)*(?:class|interface|enum|record|struct|trait|object|protocol|extension|actor|mixin|namespace|message|service|rpc)\s+(?<name>\w+)/,
    /^\s*(?:[\w@]+\s+)*(?:fun|func|def|function)\s+(?:<[^>]*>\s*)?(?:[\w.<>?]+\.)?&?(?<name>\w+)/,
    /^\s*(?:(?:public|private|protected|internal|static|final|abstract|override|virtual|async|synchronized|sealed|default)\s+)+[\w<>[\],.?\s]*?(?<name>\w+)\s*\(/,
  ],
  ruby: [/^\s*(?:def|defp|defmacro|defmodule|class|module|struct)\s+(?:self\.)?(?<name>[\w.:?!]+)/],
  script: [
    /^\s*(?:local\s+)?(?:function|sub|proc|func|method|macro|struct|module|package)\s+(?<name>[\w.:!]+)/,
    /^\s*\(def[\w-]*\s+(?<name>[^\s()]+)/,
    /^(?:let|type|data|newtype|class|instance)\s+(?:rec\s+|inline\s+)?(?<name>[\w']+)/,
    /^(?<name>[a-z][\w']*)\s*::\s/,
    /^(?<name>[\w.]+)\s*(?:<-|=)\s*function\b/,
  ],
  shell: [
    /^\s*(?:function\s+)(?<name>[\w:.-]+)/i,
    /^\s*(?<name>[\w:.-]+)\s*\(\)\s*\{?/,
    /^\s*(?:macro|add_library|add_executable)\s*\(\s*(?<name>[\w.-]+)/i,
  ],
  sql: [
    /^\s*create\s+(?:or\s+replace\s+)?(?:\w+\s+){0,2}?(?:table|view|function|procedure|trigger|index|type|macro|schema)\s+(?:if\s+not\s+exists\s+)?"?(?<name>[\w.]+)/i,
  ],
  markdown: [/^#{1,6}\s+(?<name>.+?)\s*#*$/],
  section: [/^\[+(?<name>[^\]]+)\]/],
  none: [],
};

/** The definitions that begin in these lines, in their order. */
export function definitionsIn(lines: readonly string[], family: Family): Definition[] {
  const patterns = PATTERNS[family];
  const found: Definition[] = [];
  if (patterns.length === 0) return found;
  lines.forEach((text, line) => {
    if (text.length > MAX_LINE) return;
    const name = nameOn(text, patterns);
    if (name !== undefined) found.push({ line, indent: indentOf(text), name });
  });
  return found;
}

function nameOn(text: string, patterns: readonly RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const name = pattern.exec(text)?.groups?.name;
    if (name !== undefined && !NOT_A_NAME.has(name)) return name;
  }
  return undefined;
}

export function indentOf(text: string): number {
  return text.length - text.trimStart().length;
}
