import { PondError } from '../errors.ts';

/**
 * A glob as a pattern of RE2 that a whole path matches, so that DuckDB filters before it ranks.
 * `*` and `?` stay within a folder, `**` crosses folders, `{a,b}` chooses, `[a-z]` and `[!a-z]` are classes.
 * As in a .gitignore, one without a slash (but at its end) matches a file or a folder of that name at any
 * depth, and a folder means all that is below it.
 * @throws PondError INVALID
 */
export function globToPattern(glob: string): string {
  const trimmed = glob.replace(/^\.?\//, '').replace(/\/$/, '');
  if (trimmed === '') throw new PondError('INVALID', `not a glob: '${glob}'`);
  const anywhere = trimmed.includes('/') || glob.startsWith('/') ? '' : '(?:.*/)?';
  return `${anywhere}${translate(trimmed, glob)}(?:/.*)?`;
}

/** Each token of a glob; what none of them matches is a character that stands for itself. */
const TOKEN = /\*\*\/|\*\*|\*|\?|\\(.)|\[([!^]?)(\]?[^\]]*)\]|[{},[]|./gs;

function translate(glob: string, whole: string): string {
  let depth = 0;
  const pattern = glob.replace(TOKEN, (token, escaped?: string, negated?: string, members?: string) => {
    if (escaped !== undefined) return literal(escaped);
    if (members !== undefined) return `[${negated ? '^/' : ''}${members.replace(/[\\[\]^]/g, '\\$&')}]`;
    if (token === '{') depth++;
    if (token === '}') depth--;
    if (token === '[' || depth < 0)
      throw new PondError('INVALID', `unbalanced '${token}' in the glob '${whole}'`);
    return fixed(token, depth) ?? literal(token);
  });
  if (depth > 0) throw new PondError('INVALID', `unbalanced '{' in the glob '${whole}'`);
  return pattern;
}

function fixed(token: string, depth: number): string | undefined {
  if (token === ',' && depth === 0) return undefined;
  return { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]', '{': '(?:', '}': ')', ',': '|' }[token];
}

function literal(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
