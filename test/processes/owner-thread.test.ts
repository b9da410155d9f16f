import { describe, expect, it } from 'vitest';
import { type Peer, until, World } from '../support/world.ts';

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

describe('a statement that two owners die under', () => {
  it('is not sent to a third, and its error names it', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const owners = await world.peers(3, file);
    const [caller] = (await Promise.all([world.peer()])) as [Peer];
    await caller.ask('open', file, { candidate: 'never' });
    const sql = 'SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b';
    const answer = caller.refusal('query', sql);
    const dead: number[] = [];
    for (let i = 0; i < 2; i++) {
      let since: number | undefined;
      // It has had the call for longer than a call takes that only met a kill.
      await until(async () => {
        const living = owners.find(({ pid }) => !dead.includes(pid)) as Peer;
        const { owner, clients } = await living.ask('status');
        const isRunning = clients.some(
          (c: { pid: number; in_flight: number }) => c.pid === caller.pid && c.in_flight > 0,
        );
        since = isRunning && !dead.includes(owner.pid) ? (since ?? performance.now()) : undefined;
        if (since === undefined || performance.now() - since < 400) return false;
        dead.push(owner.pid);
        return true;
      });
      await owners.find(({ pid }) => pid === dead[i])?.kill();
    }
    expect(await answer).toMatchObject({
      code: 'OWNER_LOST',
      message: expect.stringContaining('SELECT sum(a.range * b.range'),
      data: { outcome: 'unknown' },
    });
    const third = owners.find(({ pid }) => !dead.includes(pid)) as Peer;
    expect(await third.ask('query', 'SELECT 7 AS n')).toEqual([{ n: 7 }]);
  });
});
