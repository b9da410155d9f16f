import { PondError } from '../errors.ts';
import { LANGUAGE_NAMES, languageNamed, OTHER_NAMES } from './languages.ts';
import { nearest } from './nearest.ts';

/** Names as in `lang` of a hit: one of `include`, where there are any, and none of `exclude`. */
export interface LanguageFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/**
 * A language is named as hits name it, by an alias or by an extension of its files, in any case, several with
 * commas between; with a `!` before it, it is excluded.
 * @throws PondError INVALID for one that is not known: it would find nothing
 */
export function languageFilterOf(names: readonly string[]): LanguageFilter {
  const include: string[] = [];
  const exclude: string[] = [];
  for (const name of names.flatMap((list) => list.split(','))) {
    const given = name.trim();
    const excludes = given.startsWith('!');
    const plain = excludes ? given.slice(1) : given;
    const language = languageNamed(plain);
    if (language === undefined) throw unknown(plain);
    (excludes ? exclude : include).push(language);
  }
  return { include, exclude };
}

function unknown(name: string): PondError {
  const close = nearest(name.toLowerCase(), [...LANGUAGE_NAMES, ...OTHER_NAMES]);
  const hint =
    close.length > 0 ? `did you mean ${close.join(' or ')}?` : `known are ${LANGUAGE_NAMES.join(', ')}`;
  return new PondError('INVALID', `unknown language '${name}'`, { hint });
}
