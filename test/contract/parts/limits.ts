import { expect, it } from 'vitest';
import type { QueryParams } from '../../../src/protocol.ts';
import type { Client, Contract } from '../place.ts';

/** Some 100 MiB of JSON in rows whose length alone is far below the limit of a message. */
const ESCAPED = 'INSERT INTO t SELECT repeat(chr(1), 1000000) FROM range(17) RETURNING a';
const NOT_COMMITTED = { code: 'TOO_LARGE', data: { outcome: 'not-committed' } };

/** TOO_LARGE of a change means one thing, whichever limit its rows are over: nothing is committed. */
const OVER: readonly (readonly [what: string, sql: string, more: Partial<QueryParams>])[] = [
  ['maxRows', "INSERT INTO t SELECT 'a' FROM range(3) RETURNING a", { maxRows: 2 }],
  ['maxRows in a text', "SELECT 1; INSERT INTO t SELECT 'a' FROM range(3) RETURNING a", { maxRows: 2 }],
  ['maxRows by EXECUTE', 'EXECUTE p', { maxRows: 2 }],
  ['the size of a message', "INSERT INTO t SELECT repeat('a', 1000000) FROM range(70) RETURNING a", {}],
  ['the size of a message as JSON alone', ESCAPED, {}],
];

export function limitContract(contract: Contract): void {
  const opened = async (): Promise<Client> => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t (a VARCHAR)');
    await client.run("PREPARE p AS INSERT INTO t SELECT 'a' FROM range(3) RETURNING a");
    return client;
  };
  const count = (client: Client): Promise<unknown> => client.rows('SELECT count(*)::INT AS n FROM t');

  it.each(OVER)('a change whose rows are over %s is not committed', async (_, sql, more) => {
    const client = await opened();
    await expect(client.query(sql, undefined, more)).rejects.toMatchObject(NOT_COMMITTED);
    expect(await count(client)).toEqual([{ n: 0 }]);
  });

  it.each(OVER)('nor is the transaction of one that is over %s', async (_, sql, more) => {
    const client = await opened();
    await client.run('BEGIN');
    await client.run("INSERT INTO t VALUES ('b')");
    await expect(client.query(sql, undefined, more)).rejects.toMatchObject(NOT_COMMITTED);
    await client.run('COMMIT').catch(() => undefined);
    expect(await count(client)).toEqual([{ n: 0 }]);
  });

  it('a read that is over one leaves its transaction as it was', async () => {
    const client = await opened();
    await client.run("BEGIN; INSERT INTO t VALUES ('b')");
    await expect(client.query('FROM range(3)', undefined, { maxRows: 2 })).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
    await client.run('COMMIT');
    expect(await count(client)).toEqual([{ n: 1 }]);
  });
}
