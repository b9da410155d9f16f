import type { JsValue } from '../engine/connection.ts';
import type { SearchParams } from '../protocol.ts';
import { languageFilterOf } from './language-filter.ts';
import { pathFilterOf } from './path-filter.ts';

/** A condition over the rows of `_onepond.chunks`; empty where all count. */
export interface Filter {
  readonly where: string;
  readonly params: readonly JsValue[];
}

/**
 * @param root real path of the tree, or null where no glob needs it
 * @throws PondError INVALID for a glob or a language that is none
 */
export function filterOf(
  { path = [], lang = [] }: Pick<SearchParams, 'path' | 'lang'>,
  root: string | null,
): Filter {
  const params: JsValue[] = [];
  const conditions: string[] = [];
  const paths = pathFilterOf(path, root);
  const matchesOne = (patterns: readonly string[]) =>
    `regexp_full_match(path, $${params.push(`(?s)(?:${patterns.join('|')})`)})`;
  if (paths.include.length > 0) conditions.push(matchesOne(paths.include));
  if (paths.exclude.length > 0) conditions.push(`NOT ${matchesOne(paths.exclude)}`);
  const languages = languageFilterOf(lang);
  const listed = (names: readonly string[]) => names.map((name) => `$${params.push(name)}`).join(', ');
  if (languages.include.length > 0) conditions.push(`lang IN (${listed(languages.include)})`);
  if (languages.exclude.length > 0) conditions.push(`lang NOT IN (${listed(languages.exclude)})`);
  return { where: conditions.join(' AND '), params };
}
