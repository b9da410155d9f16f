import { text } from 'node:stream/consumers';
import { PondError } from '../errors.ts';
import { type InnerPond, openInner, ROUTER } from '../pond.ts';
import type { QueryResult, WireParams } from '../protocol.ts';
import { toRows } from '../rows.ts';
import type { CallLimits } from '../shapes.ts';
import type { Row } from '../statements.ts';
import { encode } from '../values.ts';
import { EXIT, type Run } from './context.ts';
import { openOptions, placeToOpen } from './place.ts';
import { readsOnly } from './reads-only.ts';
import { ROW_WRITERS, type RowFormat, type Rows } from './write-rows.ts';

export const run: Run = async ({ options, limits }, [statement = ''], flags) => {
  const { param = [], format } = flags as { param?: string[]; format?: RowFormat };
  const sql = statement === '-' ? await text(process.stdin) : statement;
  await using db = await openInner(placeToOpen(options), openOptions(options, 'sql'));
  const call: Call = { sql, params: param.map(paramValue), limits };
  try {
    const rows = readsOnly(sql) ? streamed(db, call) : await queried(db, call);
    await ROW_WRITERS[options.json ? 'json' : (format ?? 'table')](rows);
    return EXIT.done;
  } catch (error) {
    throw withHint(error);
  }
};

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

interface Call {
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly limits: CallLimits;
}

/** A stream does not tell the columns of no rows: then it is asked again, as a query. */
function streamed(db: InnerPond, call: Call): Rows {
  const { sql, params, limits } = call;
  return {
    batches: db.stream<Row>(sql, params, { ...limits, values: 'json' }),
    columns: async () => (await query(db, call)).names,
  };
}

/** A stream's writes are announced, and a query's recorded: done exactly once, whatever becomes of the owner. */
async function queried(db: InnerPond, call: Call): Promise<Rows> {
  const { names, rows } = await query(db, call);
  const batches = rows.length > 0 ? [await toRows<Row>(names, rows, 'json')] : [];
  return { batches, columns: async () => (isNoResult(names) ? [] : names) };
}

function query(db: InnerPond, { sql, params, limits }: Call): Promise<QueryResult> {
  const router = db[ROUTER];
  const call = {
    sql,
    params: encode(params) as WireParams,
    call: router.nextCall(),
    values: 'json' as const,
  };
  return router.call('query', call, limits);
}

/** What DuckDB calls the column of a statement that has no result, such as CREATE and SET. */
const isNoResult = ([first, ...rest]: readonly string[]): boolean =>
  rest.length === 0 && (first === 'Count' || first === 'Success');

/** `5`, `true` and `null` are what they look like; everything else is text. */
function paramValue(given: string): unknown {
  return /^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d+)?|true|false|null)$/.test(given) ? JSON.parse(given) : given;
}
