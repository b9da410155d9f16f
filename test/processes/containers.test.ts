import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.ts';

/** A container has a host name, a list of processes and temporary folders of its own. */
const UNSHARE = ['--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const mayUnshare = spawnSync('unshare', [...UNSHARE, 'true']).status === 0;
if (!mayUnshare) console.warn('containers: not tried, as this user may not make namespaces');

/** A process that shares the database with the others, and not the folder of the sockets. */
function containerPeer(world: World): Promise<Peer> {
  const enter =
    'hostname elsewhere && mount -t tmpfs -o mode=700 none "$ONEPOND_RUNTIME_DIR" && exec "$0" "$@"';
  return world.peer({ execPath: 'unshare', execArgv: [...UNSHARE, 'sh', '-c', enter, process.execPath] });
}

describe.runIf(mayUnshare)('two containers that share the database and not the folder of the sockets', () => {
  it('find each other by the socket beside the database, and take over from each other', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [outside] = (await world.peers(1, file)) as [Peer];
    await outside.ask('run', 'CREATE TABLE t AS SELECT 1 AS n');
    const inside = await containerPeer(world);
    expect(await inside.ask('open', file)).toMatchObject({ role: 'reader', epoch: 1 });
    await inside.ask('run', 'INSERT INTO t VALUES (2)');

    // Killed, its socket refuses: the kernel is the same for both.
    await outside.kill();
    await inside.ask('run', 'INSERT INTO t VALUES (3)');
    expect(await inside.ask('state')).toMatchObject({ role: 'owner', epoch: 2 });

    const later = await world.peer();
    expect(await later.ask('open', file)).toMatchObject({ role: 'reader', epoch: 2 });
    await inside.kill();
    expect(await later.ask('query', 'SELECT sum(n)::INTEGER AS n FROM t')).toEqual([{ n: 6 }]);
    expect(await later.ask('state')).toMatchObject({ role: 'owner', epoch: 3 });
  });

  it('are told what is the matter where the path is too long for a socket, and leave the owner alone', async () => {
    const world = new World();
    mkdirSync(world.path('x'.repeat(100)));
    const file = world.path('x'.repeat(100), 'app.duckdb');
    const [outside] = (await world.peers(1, file)) as [Peer];
    const inside = await containerPeer(world);
    const { code, message, hint, data } = await inside.refusal('open', file, { timeout: 1_000 });
    expect({ code, pid: data?.pid }).toEqual({ code: 'OWNER_UNREACHABLE', pid: outside.pid });
    expect(message).toContain('another container');
    expect(hint).toContain('ONEPOND_RUNTIME_DIR');
    expect(await outside.ask('state')).toEqual({ role: 'owner', epoch: 1, events: expect.anything() });
    expect((await outside.ask('state')).events).not.toContainEqual(expect.arrayContaining(['compromised']));
  });
});
