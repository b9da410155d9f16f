import { text } from 'node:stream/consumers';
import { open, type Pond } from '../pond.ts';
import type { Row } from '../statements.ts';
import { EXIT, type Run } from './context.ts';
import { databaseFile, openOptions } from './place.ts';
import { ROW_WRITERS, type RowFormat } from './write-rows.ts';

export const run: Run = async ({ options, limits }, [statement = ''], flags) => {
  const { param = [], format } = flags as { param?: string[]; format?: RowFormat };
  const sql = statement === '-' ? await text(process.stdin) : statement;
  await using db: Pond = await open(databaseFile(options), openOptions(options, 'sql'));
  const batches = db.stream<Row>(sql, param.map(paramValue), { ...limits, values: 'json' });
  await ROW_WRITERS[options.json ? 'json' : (format ?? 'table')](batches);
  return EXIT.done;
};

/** `5`, `true` and `null` are what they look like; everything else is text. */
function paramValue(given: string): unknown {
  return /^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d+)?|true|false|null)$/.test(given) ? JSON.parse(given) : given;
}
