import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/engine/database.ts';
import { interrupt } from '../../../src/engine/interrupt.ts';
import { runStatements } from '../../../src/engine/statements.ts';

it('a COMMIT under a storm of interrupts says what it did', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onepond-interrupt-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = await openDatabase(join(folder, 'app.duckdb'));
  onTestFinished(() => database.close());
  const connection = await database.driverConnection();
  await runStatements(connection, 'CREATE TABLE t (n INTEGER)');
  const told: number[] = [];
  for (let n = 0; n < 300; n++) {
    await runStatements(connection, `BEGIN; INSERT INTO t VALUES (${n})`);
    const commit = runStatements(connection, 'COMMIT').then(
      () => true,
      () => false,
    );
    for (let i = 0; i < 50; i++) await new Promise((turn) => setImmediate(() => turn(interrupt(connection))));
    const isDone = await commit;
    if (isDone) told.push(n);
    else await runStatements(connection, 'ROLLBACK').catch(() => undefined);
  }
  const result = await runStatements(connection, 'SELECT n FROM t ORDER BY n');
  expect((await result.getRowsJS()).flat()).toEqual(told);
});
