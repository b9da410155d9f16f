/**
 * What a terminal would obey instead of show: control characters of both kinds, what turns the direction of the
 * text, line and paragraph separators, and halves of surrogate pairs.
 */
const OBEYED = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text in one line that a terminal only shows. A backslash stands for itself. */
export function visible(text: string): string {
  return text.replace(OBEYED, (found) => NAMED[found] ?? escaped(found));
}

/** The same for several lines: line feeds stay. */
export const visibleLines = (text: string): string =>
  text.replace(OBEYED, (found) => (found === '\n' ? found : (NAMED[found] ?? escaped(found))));

/** The same in a text of JSON, which stays what it was. */
export const visibleInJson = (text: string): string =>
  text.replace(OBEYED, (found) =>
    found === '\n' ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function escaped(found: string): string {
  const code = found.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
