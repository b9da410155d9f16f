import { text } from 'node:stream/consumers';
import pc from 'picocolors';
import { PondError } from '../errors.ts';
import { openInner } from '../pond.ts';
import type { WireParams } from '../protocol.ts';
import { encode } from '../values.ts';
import { EXIT, type GlobalOptions, type Run } from './context.ts';
import { placeToOpen } from './place.ts';
import { note } from './print.ts';
import { readOptions } from './read-options.ts';
import { ScriptProgress } from './script-progress.ts';
import { ScriptSession } from './script-session.ts';
import { type ScriptStatement, splitScript } from './split-script.ts';
import { type Output, ROW_WRITERS, type RowFormat } from './write-rows.ts';

export const run: Run = async ({ options, limits }, [given = ''], flags) => {
  const { param = [], format } = flags as { param?: string[]; format?: RowFormat };
  const sql = given === '-' ? await text(process.stdin) : given;
  checkText(sql);
  const shown = options.json ? 'json' : (format ?? 'table');
  const { write, values } = ROW_WRITERS[shown];
  const params = encode(param.map(paramValue)) as WireParams;
  const statements = statementsOf(sql);
  const file = placeToOpen(options);
  await using db = await openInner(file, readOptions(file, options, 'sql'));
  const session = new ScriptSession(db, limits);
  const progress = new ScriptProgress(sql, statements);
  for (const [at, statement] of statements.entries()) {
    const isLast = at === statements.length - 1;
    try {
      const rows = await session.rows(statement, isLast ? params : [], values);
      // One JSON array, and one table of CSV: that of the last statement.
      if (isLast || shown === 'table') await write(rows, output(options));
      else for await (const _ of rows.batches);
    } catch (error) {
      throw progress.locate(withHint(error), at);
    }
    progress.note(statement, session.inTransaction);
  }
  if (session.inTransaction && !options.quiet)
    note('onepond: the transaction was not committed, and is rolled back');
  return EXIT.done;
};

/** A text of one statement goes as it is. So does one of none: DuckDB has the words for it. */
function statementsOf(sql: string): ScriptStatement[] {
  const found = splitScript(sql);
  if (found.length > 1) return found;
  return [{ text: sql, offset: 0, start: found[0]?.start ?? 0, words: found[0]?.words ?? [] }];
}

/** DuckDB reads a text up to its first NUL, and runs that. */
function checkText(sql: string): void {
  const position = sql.indexOf('\0');
  if (position >= 0)
    throw new PondError('INVALID', 'the statement holds a NUL character', { data: { position } });
}

function output({ color }: GlobalOptions): Output {
  const isTerminal = process.stdout.isTTY === true;
  return {
    isTerminal,
    room: isTerminal ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY,
    color: isTerminal && color !== false && pc.isColorSupported,
  };
}

/** The library's hint, where it has one, knows nothing of options. */
function withHint(error: unknown): unknown {
  if (!(error instanceof PondError) || error.code !== 'INVALID' || !/\bparameters?\b/.test(error.message))
    return error;
  const { code, message, data } = error;
  return new PondError(code, message, {
    hint: 'give each with --param VALUE, in their order',
    ...(data && { data }),
    cause: error,
  });
}

/** `5`, `true` and `null` are what they look like; everything else is text. */
function paramValue(given: string): unknown {
  return /^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d+)?|true|false|null)$/.test(given) ? JSON.parse(given) : given;
}
