import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { project } from '../support/project.ts';
import { BIN, type Peer, stateOf, until, World } from '../support/world.ts';

const FOREIGN = new URL('../fixtures/processes/foreign.mjs', import.meta.url);

/** A command that is under way; `ended` gives its exit status and what it printed. */
function start(world: World, args: string[], cwd = world.dir) {
  const child = world.start([BIN, '--db', world.path('app.duckdb'), ...args], { cwd });
  let stdout = '';
  child.stdout?.on('data', (data) => (stdout += data));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout }));
  return { child, pid: child.pid ?? 0, ended };
}

/** Settles when the command has said something that matches. */
function said(child: ChildProcess, what: RegExp): Promise<void> {
  let text = '';
  return new Promise((heard) => {
    child.stderr?.on('data', (data) => {
      text += data;
      if (what.test(text)) heard();
    });
  });
}

describe.runIf(process.platform === 'linux')('serve that is interrupted before it is ready', () => {
  it('exits with 130 where it has not yet opened the file', async () => {
    const world = new World();
    world.env.ONEPOND_FAILPOINTS = 'election.opened=stop#1';
    const { child, pid, ended } = start(world, ['serve']);
    await stateOf(pid, true);
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    expect(await ended).toEqual({ code: 130, stdout: '' });
  });

  it('exits with 130 where it waits for another owner', async () => {
    const world = new World();
    const [owner] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
    const { child, ended } = start(world, ['serve']);
    await said(child, /takes over when it leaves/);
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 130, stdout: '' });
    expect(await owner.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe.runIf(process.platform === 'linux')('serve --watch in the middle of its first scan', () => {
  /** The files are so many that the scan outlasts several commands. */
  async function scanning(world: World) {
    const cwd = project(world);
    for (let i = 0; i < 3000; i++) {
      const words = Array.from({ length: 400 }, (_, n) => `word${(i * 400 + n) % 50_000}`);
      writeFileSync(`${cwd}/src/${i}.md`, words.join('\n'));
    }
    const serve = start(world, ['serve', '--watch'], cwd);
    await until(async () => {
      const { clients } = JSON.parse((await start(world, ['status', '--json']).ended).stdout);
      return clients.some(({ in_flight }: { in_flight: number }) => in_flight > 0);
    });
    return serve;
  }

  it('leaves at an interrupt, and is never ready', async () => {
    const { child, ended } = await scanning(new World());
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 130, stdout: '' });
  });

  it('leaves at `onepond stop`, and does not come back', async () => {
    const world = new World();
    const { pid, ended } = await scanning(world);
    const stop = start(world, ['stop', '--json']);
    expect(JSON.parse((await stop.ended).stdout)).toEqual({ stopped: true, pid });
    expect(await ended).toEqual({ code: 0, stdout: '' });
  });
});

describe.runIf(process.platform === 'linux')('an interrupt ends with 130', () => {
  it('sql, while a program without onepond holds the file', async () => {
    const world = new World();
    const holder = fork(FOREIGN, [world.path('app.duckdb')], { env: world.env });
    world.adopt(holder.pid ?? 0);
    await once(holder, 'message');
    const { child, pid, ended } = start(world, ['--timeout', '600000', 'sql', 'SELECT 1']);
    // It has come to its election.
    await until(() => readFileSync(`/proc/${pid}/maps`, 'utf8').includes('duckdb.node'));
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 130, stdout: '' });
  });

  it('serve --detach, while it waits for its child, which goes too', async () => {
    const world = new World();
    const holder = fork(FOREIGN, [world.path('app.duckdb')], { env: world.env });
    world.adopt(holder.pid ?? 0);
    await once(holder, 'message');
    const { child, pid, ended } = start(world, ['--timeout', '600000', 'serve', '--detach']);
    let server = '';
    await until(() => {
      server = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return server !== '';
    });
    world.adopt(Number(server));
    await until(() => readFileSync(`/proc/${server}/maps`, 'utf8').includes('duckdb.node'));
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 130, stdout: '' });
    await until(() => !existsSync(`/proc/${server}`));
  });

  it('sql -, while it reads stdin', async () => {
    const { child, ended } = start(new World(), ['sql', '-']);
    // More than a pipe holds: it is reading.
    await new Promise((read) => child.stdin?.write(' '.repeat(2 ** 22), read));
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 130, stdout: '' });
  });

  it.each(['status', 'stop', 'doctor'])('%s, while the owner is stopped', async (command) => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [owner] = (await world.peers(1, file)) as [Peer];
    const { socket } = JSON.parse(readFileSync(`${file}.onepond/owner.json`, 'utf8'));
    // The kernel lists it under the name that it was bound by: transport/listen.ts.
    const bound = socket.slice(0, -1);
    const connections = (): number => readFileSync('/proc/net/unix', 'utf8').split(bound).length;
    await owner.kill('SIGSTOP');
    const before = connections();
    const { child, ended } = start(world, ['--timeout', '600000', command]);
    await until(() => connections() > before);
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 130, stdout: '' });
  });
});
