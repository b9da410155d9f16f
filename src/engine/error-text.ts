/**
 * Reads what DuckDB says of an error. It reaches JavaScript as a bare message, with no code (@duckdb/node-api 1.5.6:
 * `err.code` and `err.errorType` are undefined), in one of two forms:
 *
 * - `Kind Error: text`, and below it the line of the statement with a caret;
 * - JSON, where the session or the instance has set `errors_as_json`. An error of the parser, or in extracting the
 *   statements of a text, has `Kind Error: ` before the JSON.
 */
export interface ErrorText {
  /** Such as `Catalog`; `Unknown` where the message names none. */
  readonly kind: string;
  /** `Kind Error: text`, the same in both forms but for the caret's lines. */
  readonly text: string;
  /** Where in the statement, in UTF-16 units from 0; undefined where DuckDB does not tell. */
  readonly position: number | undefined;
}

/** What the driver puts before DuckDB's own words. */
const PREFIX = /^(?:Failure running pending result task|Failed to extract statements): /;
const KIND = /^([A-Za-z ]+?) ?Error: /;

/** @param sql the text of the statement, which gives the position its meaning */
export function readError(message: string, sql: string): ErrorText {
  const given = message.replace(PREFIX, '');
  const json = readJson(given);
  const text = json ? `${json.exception_type} Error: ${json.exception_message}` : given;
  return {
    kind: KIND.exec(text)?.[1]?.replace(/Context$/, '') ?? 'Unknown',
    text,
    position: json ? positionOfBytes(json.position, sql) : caretPosition(given, sql),
  };
}

interface JsonError {
  readonly exception_type: string;
  readonly exception_message: string;
  /** In bytes of UTF-8. */
  readonly position?: string;
}

function readJson(given: string): JsonError | null {
  const [, kind, body = ''] = /^(?:([A-Za-z ]+?) Error: )?(\{"exception_type":.*)$/s.exec(given) ?? [];
  try {
    const error = JSON.parse(body) as JsonError;
    // `SELECT error('{…}')` has JSON for its text and is no error in JSON.
    return kind === undefined || kind === error.exception_type ? error : null;
  } catch {
    return null;
  }
}

/** At the end of the text DuckDB draws no caret. */
function positionOfBytes(bytes: string | undefined, sql: string): number | undefined {
  const utf8 = Buffer.from(sql);
  const at = Number(bytes ?? Number.NaN);
  return at < utf8.length ? utf8.toString('utf8', 0, at).length : undefined;
}

/** The offset that DuckDB's caret points at, in UTF-16 units from 0; undefined where it shows none. */
export function caretPosition(message: string, sql: string): number | undefined {
  const shown = /\nLINE (\d+): (.*)\n( *)\^/.exec(message);
  if (!shown) return undefined;
  const [, line = '1', excerpt = '', indent = ''] = shown;
  const prefix = `LINE ${line}: `.length;
  const lines = sql.split('\n');
  const lineText = lines[Number(line) - 1];
  if (lineText === undefined) return undefined;
  // A long line is shown as an excerpt between dots; find where in the line it stands.
  const core = excerpt.replace(/^\.\.\./, '').replace(/\.\.\.$/, '');
  const start = lineText.indexOf(core);
  if (start < 0) return undefined;
  const cut = excerpt.startsWith('...') ? 3 : 0;
  const before = lines.slice(0, Number(line) - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return before + start + unitsOf(core, indent.length - prefix - cut);
}

/** How many UTF-16 units of the text take so many columns of a terminal: DuckDB draws its caret by columns. */
function unitsOf(text: string, columns: number): number {
  let units = 0;
  let left = columns;
  for (const char of text) {
    left -= columnsOf(char);
    if (left < 0) break;
    units += char.length;
  }
  return units;
}

/** Letters and signs that take two columns, roughly as Unicode's East Asian Width has them. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const NARROW = /[\p{M}\p{Cc}\p{Cf}]/u;

function columnsOf(char: string): number {
  if (NARROW.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}
