import type { ScriptStatement } from './split-script.ts';

/**
 * What the words of a statement tell the command line. They only choose a way that is right either way: the owner
 * refuses to stream what does more than read, and what is wrongly taken for bound to its session loses nothing but
 * the stream.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const READING = words('select from with values table show describe desc explain summarize pivot unpivot');
/** Leave nothing behind in their session. */
const FREE = words(
  'insert update delete merge truncate create drop alter comment copy attach detach checkpoint vacuum analyze ' +
    'begin start commit end rollback abort export import',
);
/** Leave something in it all the same. */
const BINDING = words('temp temporary setseed');

export const mayStream = (statement: ScriptStatement): boolean => READING.has(statement.words[0] ?? '');

/** The statements after it mean something in this session alone: a setting, a temporary table. */
export function bindsSession(statement: ScriptStatement): boolean {
  const first = statement.words[0] ?? '';
  return !(READING.has(first) || FREE.has(first)) || statement.words.some((word) => BINDING.has(word));
}

export const rollsBack = (statement: ScriptStatement): boolean =>
  /^(?:rollback|abort)$/.test(statement.words[0] ?? '');
