import { describe, expect, it } from 'vitest';
import { ownerFirst, type Peer, World } from '../support/world.ts';
import { RawClient, socketOf } from '../wire/raw-client.ts';

interface Scene {
  readonly db: string;
  readonly world: World;
  readonly owner: Peer;
  readonly reader: Peer;
  /** Other clients write to both files, attach and detach: nobody waits for the silent one. */
  readonly others: () => Promise<void>;
}

async function scene(): Promise<Scene> {
  const world = new World();
  const db = world.path('app.duckdb');
  const attach = { other: world.path('other.duckdb') };
  const [owner, reader] = await ownerFirst(await world.peers(2, db, { attach }));
  await owner.ask('run', 'CREATE TABLE t (n INT); CREATE TABLE other.t (n INT)');
  const third = world.path('third.duckdb');
  const others = async (): Promise<void> => {
    await owner.ask('run', 'INSERT INTO t VALUES (1)');
    await Promise.all([
      owner.ask('flood', 10, 'INSERT INTO t VALUES ($1)'),
      owner.ask('flood', 10, 'INSERT INTO other.t VALUES ($1)'),
    ]);
    await owner.ask('run', `ATTACH '${third}' AS third`);
    await owner.ask('run', 'CREATE TABLE third.t AS SELECT 1 AS n');
    await owner.ask('run', 'DETACH third');
  };
  return { db, world, owner, reader, others };
}

describe('a client that never confirms that its call begins', () => {
  it.each<[string, (folder: string) => readonly string[]]>([
    ['a first write to an attached file', () => ['INSERT INTO other.t VALUES (70)']],
    ['a table in an attached file', () => ['CREATE TABLE other.u (n INT)']],
    [
      'the COMMIT of a transaction in an attached file',
      () => ['BEGIN; INSERT INTO other.t VALUES (70)', 'COMMIT'],
    ],
    ['an ATTACH', (folder) => [`ATTACH '${folder}/fourth.duckdb' AS fourth`]],
    ['a DETACH', () => ['DETACH other']],
    ['a COPY to a file', (folder) => [`COPY t TO '${folder}/t.csv'`]],
  ])('stalls nobody with %s', async (_what, statements) => {
    const { db, world, others, owner } = await scene();
    const silent = await RawClient.connect(socketOf(db));
    await silent.hello(db, { client: 'silent', confirms: true });
    const texts = statements(world.dir);
    const last = texts.length;
    for (const [at, sql] of texts.entries()) {
      const id = silent.send('run', { sql, call: at + 1 });
      if (at + 1 < last) await silent.until((answer) => answer.id === id);
    }
    await silent.until(({ method, params }) => method === '$/began' && params?.call === last);
    await others();
    // What was never confirmed never began.
    silent.socket.destroy();
    expect(await owner.ask('query', 'SELECT count(*)::INTEGER AS n FROM other.t WHERE n = 70')).toEqual([
      { n: 0 },
    ]);
  });

  it('stalls nobody when SIGSTOP stops it in the middle of its first write, which is done when it goes on', async () => {
    const { owner, reader, others } = await scene();
    await owner.kill('SIGSTOP');
    const written = reader.ask('run', 'INSERT INTO other.t VALUES (70)');
    // Its request is with the kernel when it answers what was asked of it later.
    for (let i = 0; i < 3; i++) await reader.ask('state');
    await reader.kill('SIGSTOP');
    await owner.kill('SIGCONT');
    await others();
    await reader.kill('SIGCONT');
    expect(await written).toMatchObject({ rowsChanged: 1 });
    expect(await owner.ask('query', 'SELECT count(*)::INTEGER AS n FROM other.t WHERE n = 70')).toEqual([
      { n: 1 },
    ]);
  });
});
