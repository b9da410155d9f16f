import { PondError } from '../errors.ts';
import type { SearchParams } from '../protocol.ts';
import { SEARCH_MODES, type SearchMode } from '../shapes.ts';

/** How the query is meant, by whichever way it was said. @throws PondError INVALID where they contradict */
export function modeOf({
  mode,
  literal,
  regex,
}: Pick<SearchParams, 'mode' | 'literal' | 'regex'>): SearchMode {
  if (literal && regex) throw new PondError('INVALID', 'a query is literal or a regex, not both');
  const flags = { ranked: undefined, literal, regex };
  const flag = SEARCH_MODES.find((name) => flags[name]);
  if (mode === undefined) return flag ?? 'ranked';
  if (flags[mode] === false || (flag !== undefined && flag !== mode))
    throw new PondError('INVALID', `the mode ${mode} contradicts ${flag ?? `${mode}: false`}`);
  return mode;
}
