import type { Row } from '../statements.ts';
import { print } from './print.ts';

/** A result as it comes, batch by batch; an empty batch never comes. */
export interface Rows {
  readonly batches: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;
  /** Asked where no batch came. */
  readonly columns: () => Promise<readonly string[]>;
}

const cell = (value: unknown): string =>
  value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

async function writeJson({ batches }: Rows): Promise<void> {
  let before = '[';
  for await (const rows of batches) {
    for (const row of rows) {
      await print(`${before}${JSON.stringify(row)}`);
      before = ',\n ';
    }
  }
  await print(before === '[' ? '[]\n' : ']\n');
}

async function writeNdjson({ batches }: Rows): Promise<void> {
  for await (const rows of batches) await print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

async function writeCsv({ batches, columns }: Rows): Promise<void> {
  const { stringify } = await import('csv-stringify/sync');
  let header = true;
  const write = async (rows: readonly Row[], names: readonly string[]): Promise<void> => {
    const cast = { object: (value: unknown) => JSON.stringify(value), boolean: String };
    await print(stringify([...rows], { header, columns: [...names], cast }));
    header = false;
  };
  for await (const rows of batches) await write(rows, Object.keys(rows[0] ?? {}));
  const names = header ? await columns() : [];
  if (names.length > 0) await write([], names);
}

/** All rows are held: a column is as wide as its widest cell. */
async function writeTable({ batches, columns }: Rows): Promise<void> {
  const { default: Table } = await import('cli-table3');
  let table: InstanceType<typeof Table> | undefined;
  const headed = (names: readonly string[]): InstanceType<typeof Table> =>
    new Table({ head: [...names], style: { head: [], border: [], compact: true } });
  for await (const rows of batches) {
    const names = Object.keys(rows[0] ?? {});
    table ??= headed(names);
    for (const row of rows) table.push(names.map((name) => cell(row[name])));
  }
  const names = table ? [] : await columns();
  if (names.length > 0) table = headed(names);
  if (table) await print(`${table.toString()}\n`);
}

export const ROW_WRITERS = {
  table: writeTable,
  json: writeJson,
  ndjson: writeNdjson,
  csv: writeCsv,
} as const;
export type RowFormat = keyof typeof ROW_WRITERS;
