import { describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.ts';

const TERMINATED = new URL('../fixtures/processes/terminated.mjs', import.meta.url).pathname;

const ROWS = 'SELECT count(*)::INTEGER AS n FROM t';

/** A process that owns the file and whose owner's thread ends at the named point, and two others. */
async function crew(world: World, failpoints: string): Promise<[owner: Peer, reader: Peer, other: Peer]> {
  const file = world.path('app.duckdb');
  const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: failpoints } });
  await owner.ask('open', file);
  await owner.ask('run', 'CREATE TABLE t (n INTEGER)');
  const [reader, other] = (await world.peers(2, file)) as [Peer, Peer];
  return [owner, reader, other];
}

describe("an owner's thread that ends while its process lives", () => {
  it.each(['call', 'commit.ready', 'commit.done', 'answer'])(
    'at %s: every process is answered, and each write is there once',
    async (point) => {
      const world = new World();
      const peers = await crew(world, `${point}=end#6`);
      // One after the other: DuckDB's driver aborts the process where a thread ends under its work.
      for (let i = 0; i < 15; i++) await (peers[i % 3] as Peer).ask('run', 'INSERT INTO t VALUES ($1)', [i]);
      for (const peer of peers) expect(await peer.ask('query', ROWS)).toEqual([{ n: 15 }]);
      const { owner } = await peers[1].ask('status');
      expect(owner.epoch).toBeGreaterThan(1);
    },
  );
});

describe('a thread that owns the file and is terminated while its process lives', () => {
  it('lets go of the file, and the doctor finds nothing wrong with it', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const program = world.start([TERMINATED, file]);
    // DuckDB's driver aborts the process where the thread ends under its work: then the others see a crash.
    await new Promise((over) => program.once('exit', over).stdout?.once('data', over));
    const { code, stdout } = await world.cli(['--db', file, 'sql', '--format', 'csv', 'SELECT n FROM t']);
    expect([code, stdout]).toEqual([0, 'n\n7\n']);
    const doctor = await world.cli(['--db', file, '--json', 'doctor']);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; ok: boolean }[] };
    // The path of the dead socket is what every killed owner leaves behind.
    expect(checks.filter(({ name, ok }) => !ok && name !== 'socket')).toEqual([]);
  });
});
