import { drawTable, type TableLook } from './draw-table.ts';
import { print } from './print.ts';
import { RowWindow, type TextRow } from './row-window.ts';
import { visibleInJson, visibleLines } from './visible.ts';

/** A result as it comes, batch by batch. The values of its rows are in the form that the format asks for. */
export interface Rows {
  readonly names: readonly string[];
  /** Absent where they are not known, as of the answer of an earlier attempt. */
  readonly types?: readonly string[] | undefined;
  readonly batches: AsyncIterable<readonly (readonly unknown[])[]>;
}

/** Where rows are written to. */
export interface Output extends TableLook {
  readonly isTerminal: boolean;
}

type Write = (rows: Rows, output: Output) => Promise<void>;

/** By hand: a column may be called `__proto__`, and the columns of an object called `1` and `a` have no order. */
function jsonRow(names: readonly string[]): (row: readonly unknown[]) => string {
  const keys = names.map((name) => JSON.stringify(name));
  return (row) => `{${keys.map((key, at) => `${key}:${JSON.stringify(row[at] ?? null)}`).join(',')}}`;
}

const writeJson: Write = async ({ names, batches }, { isTerminal }) => {
  const object = jsonRow(names);
  let before = '[';
  for await (const rows of batches) {
    if (rows.length === 0) continue;
    const text = before + rows.map(object).join(',\n ');
    await print(isTerminal ? visibleInJson(text) : text);
    before = ',\n ';
  }
  await print(before === '[' ? '[]\n' : ']\n');
};

const writeNdjson: Write = async ({ names, batches }, { isTerminal }) => {
  const object = jsonRow(names);
  for await (const rows of batches) {
    const text = rows.map((row) => `${object(row)}\n`).join('');
    await print(isTerminal ? visibleInJson(text) : text);
  }
};

/** NULL is nothing, an empty string a pair of quotes. */
const castText = (text: string): string | { value: string; quoted_empty: boolean } =>
  text === '' ? { value: '', quoted_empty: true } : text;

const writeCsv: Write = async ({ names, batches }, { isTerminal }) => {
  const { stringify } = await import('csv-stringify/sync');
  const write = async (rows: readonly (readonly unknown[])[]): Promise<void> => {
    const text = stringify(rows as unknown[][], { cast: { string: castText } });
    await print(isTerminal ? visibleLines(text) : text);
  };
  if (names.length > 0) await write([names]);
  for await (const rows of batches) if (rows.length > 0) await write(rows);
};

const writeTable: Write = async ({ names, types, batches }, output) => {
  const window = new RowWindow();
  for await (const rows of batches) window.add(rows as readonly TextRow[]);
  await print(drawTable(names, types, window, output));
};

export const ROW_WRITERS = {
  table: { write: writeTable, values: 'text' },
  json: { write: writeJson, values: 'json' },
  ndjson: { write: writeNdjson, values: 'json' },
  csv: { write: writeCsv, values: 'text' },
} as const;
export type RowFormat = keyof typeof ROW_WRITERS;
