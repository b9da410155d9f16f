import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HARMLESS_VOLATILE,
  NAME_FUNCTIONS,
  OPAQUE_FUNCTIONS,
  OUTSIDE_FUNCTIONS,
  READING_TABLE_FUNCTIONS,
  SEQUENCE_FUNCTIONS,
} from '../../../src/engine/functions.ts';
import { SESSION_SETTINGS, SETTINGS_BY_WORD } from '../../../src/engine/read-only.ts';

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  await connection.run('CREATE SCHEMA other');
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

const rows = async (on: DuckDBConnection, sql: string): Promise<unknown[]> =>
  (await on.runAndReadAll(sql)).getRows().flat();

const changing = [...SEQUENCE_FUNCTIONS, ...OUTSIDE_FUNCTIONS, ...OPAQUE_FUNCTIONS];

describe("DuckDB's own functions", () => {
  it('each table function is known to read, or to change something', async () => {
    const all = await rows(
      connection,
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table'",
    );
    const unknown = all.filter(
      (name) => !READING_TABLE_FUNCTIONS.has(`${name}`) && !changing.includes(`${name}`),
    );
    expect(unknown).toEqual([]);
    expect(
      [...READING_TABLE_FUNCTIONS].filter((name) => changing.includes(name) || !all.includes(name)),
    ).toEqual([]);
    expect([...NAME_FUNCTIONS].filter((name) => !READING_TABLE_FUNCTIONS.has(name))).toEqual([]);
  });

  it('each volatile function is known to change nothing, or something', async () => {
    const all = await rows(
      connection,
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE' OR has_side_effects",
    );
    expect(all.filter((name) => !HARMLESS_VOLATILE.has(`${name}`) && !changing.includes(`${name}`))).toEqual(
      [],
    );
    expect([...HARMLESS_VOLATILE].filter((name) => changing.includes(name) || !all.includes(name))).toEqual(
      [],
    );
  });

  it('each that changes something is there', async () => {
    const all = await rows(connection, 'SELECT DISTINCT function_name FROM duckdb_functions()');
    expect(changing.filter((name) => !all.includes(name))).toEqual([]);
  });
});

describe('a setting that a reader may make', () => {
  const VALUES: Readonly<Record<string, string>> = {
    calendar: "'japanese'",
    default_collation: "'nocase'",
    default_null_order: "'nulls_first'",
    default_order: "'desc'",
    errors_as_json: 'true',
    explain_output: "'all'",
    ieee_floating_point_ops: 'false',
    lambda_syntax: "'ENABLE_SINGLE_ARROW'",
    null_order: "'nulls_first'",
    preserve_identifier_case: 'false',
    scalar_subquery_error_on_multiple_rows: 'false',
    schema: "'other'",
    search_path: "'other'",
    timezone: "'Asia/Tokyo'",
  };

  it.each([
    ...[...SESSION_SETTINGS].map((name) => ['', name]),
    ...[...SESSION_SETTINGS, ...SETTINGS_BY_WORD].map((name) => ['SESSION ', name]),
  ])('is its own: SET %s%s', async (scope, name) => {
    const [mine, other] = [await instance.connect(), await instance.connect()];
    const value = async (on: DuckDBConnection): Promise<unknown> =>
      rows(on, `SELECT current_setting('${name}')`);
    const before = await value(other);
    await mine.run(`SET ${scope}${name} = ${VALUES[name ?? ''] ?? 'true'}`);
    expect(await value(mine)).not.toEqual(before);
    expect(await value(other)).toEqual(before);
    await mine.run(`RESET ${scope}${name}`);
    expect(await value(other)).toEqual(before);
    mine.closeSync();
    other.closeSync();
  });
});
