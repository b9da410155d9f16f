import { text } from 'node:stream/consumers';
import { open, type Pond } from '../pond.ts';
import type { CallLimits } from '../router/budget.ts';
import type { Row } from '../statements.ts';
import { EXIT, type Run } from './context.ts';
import { openOptions, placeToOpen } from './place.ts';
import { readsOnly } from './reads-only.ts';
import { type Batches, ROW_WRITERS, type RowFormat } from './write-rows.ts';

export const run: Run = async ({ options, limits }, [statement = ''], flags) => {
  const { param = [], format } = flags as { param?: string[]; format?: RowFormat };
  const sql = statement === '-' ? await text(process.stdin) : statement;
  await using db: Pond = await open(placeToOpen(options), openOptions(options, 'sql'));
  const batches = rowsOf(db, sql, param.map(paramValue), limits);
  await ROW_WRITERS[options.json ? 'json' : (format ?? 'table')](batches);
  return EXIT.done;
};

/** A stream's writes are announced, and a query's recorded: done exactly once, whatever becomes of the owner. */
async function* rowsOf(db: Pond, sql: string, params: readonly unknown[], limits: CallLimits): Batches {
  const options = { ...limits, values: 'json' } as const;
  if (readsOnly(sql)) return yield* db.stream<Row>(sql, params, options);
  const rows = await db.query<Row>(sql, params, options);
  if (rows.length > 0) yield rows;
}

/** `5`, `true` and `null` are what they look like; everything else is text. */
function paramValue(given: string): unknown {
  return /^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d+)?|true|false|null)$/.test(given) ? JSON.parse(given) : given;
}
