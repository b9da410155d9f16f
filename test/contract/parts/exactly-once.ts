import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MAX_RECORDED_BYTES } from '../../../src/engine/ledger.ts';
import type { RunParams } from '../../../src/protocol.ts';
import type { Contract } from '../place.ts';

const LEDGER = 'SELECT call::INT AS call FROM _onepond.ledger ORDER BY call, part';

/** A call that may come again: by another connection, and to another owner. */
export function exactlyOnceContract(contract: Contract): void {
  /** A client with a table, the next owner, and the client's session with it. */
  async function afterRestart(...calls: Omit<RunParams, 'call'>[]) {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.call('run', { sql: 'CREATE TABLE t (n INT)', call: 1 });
    let call = 1;
    for (const params of calls) await client.call('query', { ...params, call: ++call });
    await place.restart();
    return { place, client: await another({ client: 'a' }), another };
  }

  it.each<[what: string, sql: string, effect: unknown[]]>([
    ['an INSERT', 'INSERT INTO t VALUES (1), (2)', [{ n: 1 }, { n: 2 }]],
    ['one with something before it', '/* once */ INSERT INTO t VALUES (1)', [{ n: 1 }]],
    ['a text of several statements', 'INSERT INTO t VALUES (1); UPDATE t SET n = n + 1', [{ n: 2 }]],
    ['a text that is a transaction', 'BEGIN; INSERT INTO t VALUES (1); COMMIT', [{ n: 1 }]],
    ['a CREATE TABLE', 'CREATE TABLE u (n INT)', []],
    [
      'a text that ends in a DROP',
      'CREATE TABLE u (n INT); INSERT INTO t VALUES (1); DROP TABLE u',
      [{ n: 1 }],
    ],
    ['a SELECT that counts', "CREATE SEQUENCE s; INSERT INTO t SELECT nextval('s')", [{ n: 1 }]],
  ])('%s is done once, however often it is sent', async (_, sql, effect) => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    expect(await client.call('run', { sql, call: 2 })).toMatchObject({ replayed: false });
    // A frame of a connection that was given up may be read late.
    const late = await another({ client: 'a' });
    expect(await late.call('run', { sql, call: 2 })).toMatchObject({ replayed: true });
    await place.restart();
    const next = await another({ client: 'a' });
    const sent = 'before' as const;
    expect(await next.call('run', { sql, call: 2, sent })).toMatchObject({ replayed: true, epoch: 2 });
    expect(await next.rows('SELECT n FROM t ORDER BY n')).toEqual(effect);
  });

  it('what is sent again answers as the first time did, rows and all', async () => {
    const sql = 'INSERT INTO t VALUES (1), (2) RETURNING n, n * 10::HUGEINT AS ten';
    const { client } = await afterRestart({ sql });
    const { names, rows } = await client.call('query', { sql, call: 2, sent: 'before' });
    expect(names).toEqual(['n', 'ten']);
    expect(rows).toMatchObject([
      [1, expect.anything()],
      [2, expect.anything()],
    ]);
    expect(await client.call('run', { sql, call: 2, sent: 'before' })).toMatchObject({
      replayed: true,
      epoch: 2,
    });
  });

  it('rows too large to keep are OWNER_LOST, and said to be committed', async () => {
    const sql = `INSERT INTO t VALUES (1) RETURNING repeat('x', ${MAX_RECORDED_BYTES}) AS x`;
    const { client } = await afterRestart({ sql });
    await expect(client.call('query', { sql, call: 2, sent: 'before' })).rejects.toMatchObject({
      code: 'OWNER_LOST',
      data: { outcome: 'committed' },
    });
    expect(await client.call('run', { sql, call: 2, sent: 'before' })).toMatchObject({
      replayed: true,
    });
  });

  it('what was not done is done now', async () => {
    const { client } = await afterRestart();
    const sql = 'INSERT INTO t VALUES (1)';
    expect(await client.call('run', { sql, call: 2, sent: 'before' })).toMatchObject({ replayed: false });
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('what failed is tried again', async () => {
    const { client } = await contract.open({ client: 'a' });
    const call = { sql: 'INSERT INTO t VALUES (1)', call: 1 };
    await expect(client.call('run', call)).rejects.toMatchObject({ code: 'SQL' });
    await client.run('CREATE TABLE t (n INT)');
    expect(await client.call('run', { ...call, sent: 'before' })).toMatchObject({ replayed: false });
  });

  it('a text goes on after the last statement that was done', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
    const sql =
      'INSERT INTO t VALUES (1); INSERT INTO t SELECT n + 1 FROM t WHERE n = 1; SELECT max(n) AS n FROM t';
    await client.run('CREATE TABLE u (n INT)');
    // The second statement fails, the first is done.
    await expect(
      client.call('run', { sql: 'INSERT INTO u VALUES (1); INSERT INTO missing VALUES (1)', call: 3 }),
    ).rejects.toMatchObject({ code: 'SQL' });
    await place.restart();
    const next = await another({ client: 'a' });
    await next.run('CREATE TABLE missing (n INT)');
    await next.call('run', {
      sql: 'INSERT INTO u VALUES (1); INSERT INTO missing VALUES (1)',
      call: 3,
      sent: 'before',
    });
    expect(
      await next.rows('SELECT (SELECT count(*) FROM u)::INT AS u, (SELECT count(*) FROM missing)::INT AS m'),
    ).toEqual([{ u: 1, m: 1 }]);
    expect((await next.call('query', { sql, call: 4, sent: 'before' })).rows).toEqual([[2]]);
  });

  it('two clients may use one number', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    const other = await another({ client: 'b' });
    await client.run('CREATE TABLE t (n INT)');
    for (const one of [client, other]) await one.call('run', { sql: 'INSERT INTO t VALUES (1)', call: 7 });
    expect(await client.rows('SELECT n FROM t')).toHaveLength(2);
  });

  it('one call by two connections at once is done once', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    const twin = await another({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    const call = { sql: 'INSERT INTO t SELECT 1 FROM range(100000) WHERE range = 7', call: 3 };
    const answers = await Promise.all([client, twin, client, twin].map((one) => one.call('run', call)));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('a COMMIT that was done is known to be, and one that was not ends in OWNER_LOST', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT); BEGIN; INSERT INTO t VALUES (1)');
    await client.call('run', { sql: 'COMMIT', call: 5 });
    await place.restart();
    const next = await another({ client: 'a' });
    const sent = 'in-transaction' as const;
    expect(await next.call('run', { sql: 'COMMIT', call: 5, sent })).toMatchObject({
      replayed: true,
      inTransaction: false,
    });
    await expect(next.call('run', { sql: 'COMMIT', call: 6, sent })).rejects.toMatchObject({
      code: 'OWNER_LOST',
      data: { outcome: 'not-committed' },
    });
    expect(await next.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it.each(['ROLLBACK', 'COMMIT'])(
    'a transaction that failed leaves nothing in the ledger by its %s',
    async (end) => {
      const { client } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (1); BEGIN');
      await client.call('run', { sql: 'INSERT INTO t VALUES (2)', call: 4 });
      await expect(client.call('run', { sql: 'INSERT INTO t VALUES (1)', call: 5 })).rejects.toMatchObject({
        code: 'SQL',
      });
      const ended = client.call('run', { sql: end, call: 6 });
      if (end === 'ROLLBACK') expect(await ended).toMatchObject({ inTransaction: false });
      else
        await expect(ended).rejects.toMatchObject({
          code: 'SQL',
          data: { kind: 'Transaction', outcome: 'not-committed' },
        });
      expect(await client.query('SELECT 1')).toMatchObject({ inTransaction: false });
      expect(await client.rows(LEDGER)).toEqual([]);
      expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
    },
  );

  it('writes of a client without a name, and what no transaction takes back, are announced and not recorded', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    const nameless = await another();
    await nameless.call('run', { sql: 'CREATE TABLE t (n INT)', call: 1 });
    await nameless.session.began(1);
    await client.call('run', { sql: `COPY t TO '${join(place.dir, 'out.csv')}'`, call: 2 });
    await client.session.began(2);
    await client.call('run', { sql: 'CHECKPOINT', call: 3 });
    await client.session.began(3);
    expect(await client.rows(LEDGER)).toEqual([]);
  });

  it('writes to an attached file are announced and not recorded, alone and in a transaction', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run(`ATTACH '${join(place.dir, 'other.duckdb')}' AS other`);
    await client.call('run', { sql: 'CREATE TABLE other.t (n INT)', call: 2 });
    await client.session.began(2);
    await client.call('run', { sql: 'INSERT INTO other.t VALUES (1)', call: 3 });
    await client.session.began(3);
    await client.run('CREATE TABLE t (n INT)');
    // In company too.
    await Promise.all(
      ['other.t', 't', 'other.t', 't'].map(async (table, i) =>
        (await another({ client: `b${i}` })).call('run', { sql: `INSERT INTO ${table} VALUES (2)`, call: 1 }),
      ),
    );
    await client.run('BEGIN; INSERT INTO other.t VALUES (3)');
    await client.call('run', { sql: 'COMMIT', call: 9 });
    await client.session.began(9);
    expect(await client.rows('SELECT n FROM other.t ORDER BY n')).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 2 },
      { n: 3 },
    ]);
    expect(await client.rows('SELECT client FROM _onepond.ledger ORDER BY client')).toEqual([
      { client: 'b1' },
      { client: 'b3' },
    ]);
  });

  it('the ledger forgets what its client has settled', async () => {
    const { client, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    for (const call of [1, 2, 3])
      await client.call('run', { sql: 'INSERT INTO t VALUES (1)', call, settled: call - 1 });
    expect(await client.rows(LEDGER)).toEqual([{ call: 1 }, { call: 2 }, { call: 3 }]);
    await place.database.writer.finish();
    expect(await client.rows(LEDGER)).toEqual([{ call: 3 }]);
  });

  it('a COMMIT whose row cannot be written commits nothing, and is told so', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    await (await another()).run('ALTER TABLE _onepond.ledger RENAME TO gone');
    await client.run('BEGIN; INSERT INTO t VALUES (1)');
    await expect(client.call('run', { sql: 'COMMIT', call: 5 })).rejects.toMatchObject({
      data: { outcome: 'not-committed' },
    });
    await (await another()).run('ALTER TABLE _onepond.gone RENAME TO ledger');
    expect(await client.query('SELECT n FROM t')).toMatchObject({ rows: [], inTransaction: false });
  });

  it.each(['t', 'other.main.t'])(
    'a COMMIT of what was written to %s is a commit, beside other files',
    async (table) => {
      const { client, another, place } = await contract.open({ client: 'a' });
      const attach = `ATTACH '${join(place.dir, 'other.duckdb')}' AS other`;
      await client.run('CREATE TABLE t (n INT)');
      await client.run(attach);
      await client.run('CREATE TABLE other.main.t (n INT); CREATE TEMP TABLE mine (n INT)');
      await client.run('BEGIN; INSERT INTO mine VALUES (1); SELECT * FROM other.main.t, t');
      await client.call('run', { sql: `INSERT INTO ${table} VALUES ($1)`, params: [1], call: 5 });
      await client.call('run', { sql: 'COMMIT', call: 6, settled: 5 });
      if (table !== 't') await client.session.began(6);
      await place.restart();
      const next = await another({ client: 'a' });
      await next.run(attach);
      expect(await next.rows(`SELECT n FROM ${table}`)).toEqual([{ n: 1 }]);
      const recorded = table === 't' ? [{ call: 6 }] : [];
      expect(await next.rows('SELECT call::INT AS call FROM _onepond.ledger WHERE call = 6')).toEqual(
        recorded,
      );
    },
  );

  /** Sent without waiting for an answer, so that the client has settled none of them. */
  const PIPELINE = [
    { sql: 'BEGIN', call: 11 },
    { sql: 'INSERT INTO t VALUES (1) RETURNING n', call: 12 },
    { sql: 'PREPARE p AS SELECT 1; INSERT INTO t VALUES (2)', call: 13 },
    { sql: 'COMMIT', call: 14 },
  ].map((params) => ({ ...params, settled: 10 }));

  it.each([0, 1, 2, 3])(
    'a committed transaction that is sent again from its statement %i on stays as it is',
    async (from) => {
      const { client, another, place } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
      await Promise.all(PIPELINE.map((params) => client.call('query', params)));
      await place.restart();
      const next = await another({ client: 'a' });
      const answers = PIPELINE.slice(from).map((params) => next.call('query', { ...params, sent: 'before' }));
      for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ inTransaction: false });
      if (from <= 1) expect(await answers[1 - from]).toMatchObject({ names: ['n'], rows: [[1]] });
      expect(await next.call('run', { sql: 'COMMIT', call: 14, sent: 'before' })).toMatchObject({
        replayed: true,
      });
      await next.call('run', { sql: 'INSERT INTO t VALUES (3)', call: 15, settled: 14 });
      await next.session.close();
      await place.restart();
      const last = await another();
      expect(await last.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    },
  );

  it('a setting inside a committed transaction that is sent again is made again', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
    const calls = ['BEGIN', 'SET VARIABLE v = 7', 'INSERT INTO t VALUES (1)', 'COMMIT'].map((sql, i) => ({
      sql,
      call: 20 + i,
      settled: 19,
    }));
    await Promise.all(calls.map((params) => client.call('run', params)));
    await place.restart();
    const next = await another({ client: 'a' });
    await Promise.all(calls.map((params) => next.call('run', { ...params, sent: 'before' })));
    expect(await next.rows("SELECT getvariable('v') AS v, count(*)::INT AS n FROM t")).toEqual([
      { v: 7, n: 1 },
    ]);
  });

  it.each(['ROLLBACK', 'ABORT', 'COMMIT', 'END'])(
    'a transaction that was lost before its %s is done again as a whole',
    async (end) => {
      const { client, another, place } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
      const calls = [...PIPELINE.slice(0, 3), { sql: end, call: 14, settled: 10 }];
      await Promise.all(calls.slice(0, 2).map((params) => client.call('run', params)));
      await place.restart();
      const next = await another({ client: 'a' });
      const answers = calls.map((params) => next.call('run', { ...params, sent: 'before' }));
      for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ replayed: false });
      await next.call('run', { sql: 'INSERT INTO t VALUES (3)', call: 15, settled: 14 });
      await next.session.close();
      await place.restart();
      const rows = await (await another()).rows('SELECT n FROM t ORDER BY n');
      const inside = end === 'COMMIT' || end === 'END' ? [{ n: 1 }, { n: 2 }] : [];
      expect(rows).toEqual([...inside, { n: 3 }]);
    },
  );

  it('a transaction that is sent again waits for the session that may commit it yet', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
    await Promise.all(PIPELINE.slice(0, 3).map((params) => client.call('run', params)));
    const next = await another({ client: 'a' });
    const again = PIPELINE.map((params) => next.call('run', { ...params, sent: 'before' }));
    await client.call('run', PIPELINE[3] as RunParams);
    for (const answer of await Promise.all(again))
      expect(answer).toMatchObject({ replayed: true, inTransaction: false });
    expect(await next.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('a late frame of a call that its client has settled does nothing', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    const late = await another({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    const call = { sql: 'INSERT INTO t VALUES (1)', call: 1 };
    await client.call('run', call);
    await client.call('run', { sql: 'INSERT INTO t VALUES (2)', call: 2, settled: 1 });
    await expect(late.call('run', call)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(late.call('run', { ...call, call: 3, settled: 3 })).rejects.toMatchObject({
      code: 'INVALID',
    });
    expect(await client.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });
}
