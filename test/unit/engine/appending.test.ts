import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, it, onTestFinished } from 'vitest';
import { appendRows } from '../../../src/engine/appending.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('what could not be appended is not written later, when the appender is collected as garbage', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onepond-appending-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const instance = await DuckDBInstance.create(join(folder, 'a.duckdb'));
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE t (n INT); ATTACH '${join(folder, 'b.duckdb')}' AS b`);
  await connection.run('BEGIN; CREATE TABLE b.t (n INT)');
  const fail = async (): Promise<void> => {
    const appender = await connection.createAppender('t', 'main', 'a');
    const fill = (): void => {
      appender.appendInteger(1);
      appender.endRow();
    };
    expect(() => appendRows(appender, fill)).toThrow(/single attached database/);
  };
  await fail();
  await connection.run('ROLLBACK');
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await nextTurn();
  }
  expect((await connection.runAndReadAll('FROM t')).getRows()).toEqual([]);
  connection.closeSync();
  instance.closeSync();
});
