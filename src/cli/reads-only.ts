/** The first word of a statement that reads. */
const READING =
  /^[\s(]*(?:select|from|with|values|table|show|describe|desc|explain|summarize|pivot|unpivot)\b/i;

/** What makes a write of a text that begins so: a common table expression, EXPLAIN ANALYZE, a sequence, INTO. */
const WRITING = /\b(?:insert|update|delete|merge|analyze|nextval|into|create)\b/i;

/** Comments, strings and quoted names: what stands in them is no keyword. */
const QUOTED =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\be'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(\w*)\$[\s\S]*?\$\1\$/gi;

/**
 * True where the text is surely one statement that only reads, and may be streamed. What is in doubt is taken for a
 * write: the cost of that is a limit to the result, the cost of the other a write that is not exactly once.
 */
export function readsOnly(sql: string): boolean {
  const bare = sql.replace(QUOTED, ' ');
  return READING.test(bare) && !WRITING.test(bare) && !/;\s*\S/.test(bare);
}
