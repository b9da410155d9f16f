import type { Row } from '../statements.ts';
import { print } from './print.ts';

/** A result as it comes, batch by batch; `null` rows never come. */
export type Batches = AsyncIterableIterator<readonly Row[]>;

const cell = (value: unknown): string =>
  value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

async function writeJson(batches: Batches): Promise<void> {
  let before = '[';
  for await (const rows of batches) {
    for (const row of rows) {
      await print(`${before}${JSON.stringify(row)}`);
      before = ',\n ';
    }
  }
  await print(before === '[' ? '[]\n' : ']\n');
}

async function writeNdjson(batches: Batches): Promise<void> {
  for await (const rows of batches) await print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

async function writeCsv(batches: Batches): Promise<void> {
  const { stringify } = await import('csv-stringify/sync');
  let header = true;
  for await (const rows of batches) {
    const columns = Object.keys(rows[0] ?? {});
    await print(
      stringify([...rows], {
        header,
        columns,
        cast: { object: (value) => JSON.stringify(value), boolean: String },
      }),
    );
    header = false;
  }
}

/** All rows are held: a column is as wide as its widest cell. */
async function writeTable(batches: Batches): Promise<void> {
  const { default: Table } = await import('cli-table3');
  let table: InstanceType<typeof Table> | undefined;
  for await (const rows of batches) {
    const names = Object.keys(rows[0] ?? {});
    table ??= new Table({ head: names, style: { head: [], border: [], compact: true } });
    for (const row of rows) table.push(names.map((name) => cell(row[name])));
  }
  if (table) await print(`${table.toString()}\n`);
}

export const ROW_WRITERS = {
  table: writeTable,
  json: writeJson,
  ndjson: writeNdjson,
  csv: writeCsv,
} as const;
export type RowFormat = keyof typeof ROW_WRITERS;
