import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

/** Answers of many rows, which travel as text: src/text-rows.ts. */
export function largeContract(contract: Contract): void {
  it('gives many rows as it gives few', async () => {
    const { client } = await contract.open();
    const sql = `SELECT i::INTEGER AS i, CASE WHEN i % 7 = 0 THEN NULL ELSE 'ü"' || i END AS s, i::BIGINT AS b,
      [i::INTEGER, NULL] AS l FROM range(20000) r(i)`;
    const rows = await client.rows(sql);
    expect(rows).toHaveLength(20_000);
    for (const i of [0, 1, 7, 2047, 2048, 19_999])
      expect(rows[i]).toEqual({ i, s: i % 7 === 0 ? null : `ü"${i}`, b: BigInt(i), l: [i, null] });
  });

  it('gives many rows of a change, and does it once', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t (i INTEGER)');
    const rows = await client.rows('INSERT INTO t SELECT range FROM range(20000) RETURNING i');
    expect(rows.map(({ i }) => i)).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(await client.rows('SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: 20_000 }]);
  });

  it('gives the many rows of a light change', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t AS SELECT range::INTEGER AS i FROM range(20000)');
    expect(await client.rows('UPDATE t SET i = i + 1 RETURNING i')).toHaveLength(20_000);
    expect(await client.rows('SELECT sum(i)::INTEGER AS s FROM t')).toEqual([{ s: 200_010_000 }]);
  });
}
