import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

const TABLES = `
  CREATE SCHEMA other;
  CREATE TABLE t (n INT, s VARCHAR DEFAULT 'a;
b');
  INSERT INTO t VALUES (1, 'COPY _onepond.ledger FROM ''x'';'), (2, NULL);
  CREATE TABLE other._onepond AS SELECT 3 AS n;
  CREATE INDEX t_n ON t (n);
  CREATE VIEW v AS SELECT '
CREATE TABLE _onepond.ledger(' AS x;
  CREATE VIEW calls AS SELECT count(*) AS n FROM _onepond.ledger`;

/** Users take all of their data out of one file and into another; our own tables stay where they are. */
export function importContract(contract: Contract): void {
  it.each(['csv', 'parquet'])("an export as %s goes into another onepond's file", async (format) => {
    const { client, place } = await contract.open();
    await client.run(TABLES);
    const folder = join(place.dir, "it's there");
    await client.run(`EXPORT DATABASE '${folder.replace("'", "''")}' (FORMAT ${format})`);
    // As on another machine.
    mkdirSync(join(place.dir, 'new'));
    const moved = join(place.dir, 'new', "it's here");
    renameSync(folder, moved);

    const target = await contract.open();
    const import_ = `IMPORT DATABASE '${moved.replace("'", "''")}'`;
    const { epoch } = target.place.database;
    const rows = await target.client.rows(
      `CREATE TABLE first (n INT); ${import_}; SELECT sum(n)::INT AS n FROM t`,
    );
    expect(rows).toEqual([{ n: 3 }]);
    expect(await target.client.rows('SELECT n FROM other._onepond')).toEqual([{ n: 3 }]);
    expect(await target.client.rows('SELECT x FROM v')).toEqual([{ x: '\nCREATE TABLE _onepond.ledger(' }]);
    expect(await target.client.rows('SELECT epoch::INT AS epoch FROM _onepond.ownership')).toEqual([
      { epoch: target.place.database.epoch },
    ]);
    expect(target.place.database.epoch).toBeGreaterThanOrEqual(epoch);
    await expect(target.client.run(import_)).rejects.toMatchObject({
      code: 'SQL',
      data: { kind: 'Catalog' },
    });
  });

  it('an export goes into a file of DuckDB alone, and one of that into ours', async () => {
    const { client, place } = await contract.open();
    await client.run('CREATE TABLE t AS SELECT 1 AS n');
    await client.run(`EXPORT DATABASE '${join(place.dir, 'ours')}'`);
    const instance = await DuckDBInstance.create(join(place.dir, 'plain.duckdb'));
    const plain = await instance.connect();
    await plain.run(`IMPORT DATABASE '${join(place.dir, 'ours')}'`);
    await plain.run(
      `DROP SCHEMA _onepond CASCADE; CREATE TABLE u AS FROM t; EXPORT DATABASE '${join(place.dir, 'plain')}'`,
    );
    plain.closeSync();
    instance.closeSync();
    const target = await contract.open();
    await target.client.run(`IMPORT DATABASE '${join(place.dir, 'plain')}'`);
    expect(await target.client.rows('SELECT n FROM u')).toEqual([{ n: 1 }]);
  });

  it('a folder that is not there is an error that changes nothing', async () => {
    const { client, place } = await contract.open();
    await expect(client.run(`IMPORT DATABASE '${join(place.dir, 'nowhere')}'`)).rejects.toMatchObject({
      code: 'SQL',
    });
  });
}
