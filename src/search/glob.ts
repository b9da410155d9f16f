import { PondError } from '../errors.ts';

/**
 * A glob, relative to the root, as a pattern of RE2 that a whole path matches, so that DuckDB filters before it
 * ranks. `*` and `?` stay within a folder, `**` crosses folders, `{a,b}` chooses, `[a-z]` and `[!a-z]` are classes;
 * a backslash makes one of these characters plain.
 * As in a .gitignore, a glob without a slash (but at its end) matches a file or a folder of that name at any depth,
 * a folder means all that is below it, and a slash at the end means a folder.
 * @throws PondError INVALID
 */
export function globToPattern(glob: string): string {
  const trimmed = glob.replace(/^\//, '').replace(/\/$/, '');
  if (trimmed.trim() === '') throw invalid(glob, 'it is empty');
  refuseOtherDialects(glob);
  const anywhere = trimmed.includes('/') || glob.startsWith('/') ? '' : '(?:.*/)?';
  return `${anywhere}${translate(trimmed, glob)}${glob.endsWith('/') ? '/.*' : '(?:/.*)?'}`;
}

/** The glob that matches this text and nothing else. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]{},!|]/g, '\\$&');
}

/** What other tools understand, and what would be read here as plain text that no path holds. */
const OTHER_DIALECTS: readonly { readonly match: RegExp; readonly hint: string }[] = [
  { match: /[!@?*+]?\([^()]*\|[^()]*\)/, hint: 'choose with braces: {a,b}' },
  { match: /\{[^{},]*\.\.[^{},]*\}/, hint: 'name each in the braces, or use a class: [1-3]' },
  { match: /[{,]\.\//, hint: 'begin the whole glob with ./, not a choice in braces' },
  { match: /\[[!^]?\[:/, hint: 'write the characters out: [a-z0-9]' },
  {
    match: /\\[\p{L}\p{N}_]/u,
    hint: 'paths have slashes: src/lib; a backslash only makes a special character plain',
  },
];

function refuseOtherDialects(glob: string): void {
  const meant = glob.replace(/\\[^\p{L}\p{N}_]/gsu, ' ');
  for (const { match, hint } of OTHER_DIALECTS) {
    const found = match.exec(meant);
    if (found) throw invalid(glob, `it has '${found[0]}'`, hint);
  }
}

/** Each token of a glob; what none of them matches is a character that stands for itself. */
const TOKEN = /\*\*\/|\*\*|\*|\?|\\(.)|\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]|[{},[\\]|./gsu;

function translate(glob: string, whole: string): string {
  let depth = 0;
  const pattern = glob.replace(TOKEN, (token, escaped?: string, negated?: string, members?: string) => {
    if (escaped !== undefined) return literal(escaped);
    if (members !== undefined) return `[${negated ? '^/' : ''}${classOf(members, whole)}]`;
    if (token === '{') depth++;
    if (token === '}') depth--;
    if (token === '\\') throw invalid(whole, 'it ends with a backslash');
    if (token === '[' || depth < 0) throw invalid(whole, `its '${token}' is unbalanced`);
    return fixed(token, depth) ?? literal(token);
  });
  if (depth > 0) throw invalid(whole, "its '{' is unbalanced");
  return pattern;
}

/** The characters and ranges between the brackets, each with its backslash where it had one. */
function classOf(members: string, whole: string): string {
  const items = [...members.matchAll(/\\?(.)(?:-\\?(.))?/gsu)];
  if (items.length === 0) throw invalid(whole, 'its [] is empty');
  const parts = items.map(([, from = '', to]) => {
    if (from === '/' || to === '/') throw invalid(whole, 'a class matches within a folder: no slash in []');
    if (to === undefined) return inClass(from);
    if (codeOf(from) > codeOf(to)) throw invalid(whole, `its range ${from}-${to} is the wrong way round`);
    return `${inClass(from)}-${inClass(to)}`;
  });
  return parts.join('');
}

const codeOf = (character: string): number => character.codePointAt(0) ?? 0;
const inClass = (character: string): string => character.replace(/[\\\]^[-]/, '\\$&');

function fixed(token: string, depth: number): string | undefined {
  if (token === ',' && depth === 0) return undefined;
  return { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]', '{': '(?:', '}': ')', ',': '|' }[token];
}

function literal(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

const LIKE_THESE = 'globs are as in a .gitignore: src/**, *.ts, {a,b}/; with a ! before it one excludes';

export function invalid(glob: string, why: string, hint = LIKE_THESE): PondError {
  return new PondError('INVALID', `not a glob: '${glob}': ${why}`, { hint });
}
