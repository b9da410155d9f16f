import { type ChildProcess, fork, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFailed, onTestFinished } from 'vitest';

const PEER = new URL('../fixtures/processes/peer.mjs', import.meta.url);
/** The program of a peer with many handles. */
export const HANDLES = new URL('../fixtures/processes/handles.mjs', import.meta.url);
export const BIN = new URL('../../bin/onepond.js', import.meta.url).pathname;

export interface PeerError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

const gone = (pid: number): PeerError => ({ name: 'Gone', code: 'GONE', message: `process ${pid} is gone` });

/** A real Node process that has a database open; everything it prints is shown when the test fails. */
export class Peer {
  readonly pid: number;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, { settle: (value: unknown) => void; fail: (error: PeerError) => void }>();
  readonly #streamed = new Set<(rows: number) => void>();
  #last = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.exited = new Promise((ended) => child.once('exit', (code, signal) => ended({ code, signal })));
    child.on('message', (message: { id?: number; value?: unknown; error?: PeerError; streamed?: number }) => {
      if (message.streamed !== undefined) for (const tell of this.#streamed) tell(message.streamed);
      const asked = this.#asked.get(message.id ?? -1);
      if (message.error) asked?.fail(message.error);
      else asked?.settle(message.value);
    });
    void this.exited.then(() => {
      for (const { fail } of this.#asked.values()) fail(gone(this.pid));
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: what comes back is checked by the assertion that asked.
  ask(op: string, ...args: unknown[]): Promise<any> {
    const id = ++this.#last;
    const answer = new Promise((settle, fail) => {
      this.#asked.set(id, { settle, fail });
      this.#child.send({ id, op, args }, (error) => error && fail(gone(this.pid)));
    });
    return answer.finally(() => this.#asked.delete(id));
  }

  /** The error that a call ends in; a call that succeeds fails the test. */
  async refusal(op: string, ...args: unknown[]): Promise<PeerError> {
    return this.ask(op, ...args).then(
      (value) => Promise.reject(new Error(`${op} succeeded: ${JSON.stringify(value)}`)),
      (error: PeerError) => error,
    );
  }

  /** Settles when a stream of this process has given `rows` rows. */
  streamed(rows: number): Promise<void> {
    return new Promise((reached) => this.#streamed.add((now) => now >= rows && reached()));
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown> {
    process.kill(this.pid, signal);
    return signal === 'SIGSTOP' || signal === 'SIGCONT'
      ? stateOf(this.pid, signal === 'SIGSTOP')
      : this.exited;
  }
}

/** SIGSTOP takes effect a little later: waits for the kernel's word. */
export async function stateOf(pid: number, stopped: boolean): Promise<void> {
  await until(() => (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'T') === stopped);
}

/** Waits for a condition that has no event of its own; the test's own timeout is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((again) => setTimeout(again, 5));
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface PeerOptions {
  readonly cwd?: string;
  readonly uid?: number;
  readonly execArgv?: string[];
  /** One handle with many operations unless told. */
  readonly program?: URL;
  /** Another program that runs node. */
  readonly execPath?: string;
  /** On top of the world's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A temporary folder, and the processes that work in it; all gone when the test is over. */
export class World {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-test-')));
  readonly env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[] = [];
  readonly #adopted: number[] = [];
  readonly #log: string[] = [];

  constructor() {
    const { ONEPOND_DB: _db, ONEPOND_LOG: _log, ...env } = process.env;
    this.env = {
      ...env,
      ONEPOND_RUNTIME_DIR: this.path('run'),
      ONEPOND_CACHE_DIR: this.path('cache'),
      NO_COLOR: '1',
    };
    mkdirSync(this.path('run'), { mode: 0o700 });
    onTestFailed(() => console.error(this.#log.join('')));
    onTestFinished(() => this.end());
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  async peer({ env, program = PEER, ...options }: PeerOptions = {}): Promise<Peer> {
    const child = fork(program, [], {
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      cwd: this.dir,
      ...options,
    });
    this.#watch(child);
    const peer = new Peer(child);
    await new Promise((ready) => child.once('message', ready));
    return peer;
  }

  /** Several at once, each with the database open. */
  async peers(count: number, file: string, options: object = {}): Promise<Peer[]> {
    const peers = await Promise.all(Array.from({ length: count }, () => this.peer()));
    await Promise.all(peers.map((peer) => peer.ask('open', file, options)));
    return peers;
  }

  /** Runs a program to its end. */
  async run(args: readonly string[], options: { cwd?: string; input?: string } = {}): Promise<Finished> {
    const child = this.start(args, options);
    child.stdin?.end(options.input ?? '');
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (data) => (stdout += data));
    child.stderr?.on('data', (data) => (stderr += data));
    const code = await new Promise<number | null>((ended) => child.once('close', ended));
    return { code, stdout, stderr };
  }

  start(args: readonly string[], options: { cwd?: string } = {}): ChildProcess {
    const child = spawn(process.execPath, args, { env: this.env, cwd: options.cwd ?? this.dir });
    this.#watch(child);
    return child;
  }

  cli(args: readonly string[], options: { cwd?: string; input?: string } = {}): Promise<Finished> {
    return this.run([BIN, ...args], options);
  }

  /** Ends a process with the test that `start` and `peer` know nothing of, such as a detached server. */
  adopt(pid: number): void {
    this.#adopted.push(pid);
  }

  async end(): Promise<void> {
    await this.endChildren();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async endChildren(): Promise<void> {
    for (const pid of this.#adopted) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    const living = this.#children.filter((child) => child.exitCode === null && child.signalCode === null);
    for (const child of living) child.kill('SIGKILL');
    await Promise.all(living.map((child) => new Promise((ended) => child.once('exit', ended))));
  }

  #watch(child: ChildProcess): void {
    this.#children.push(child);
    const keep = (data: Buffer): void => void this.#log.push(`[${child.pid}] ${data}`);
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }
}

/** A copy of the built library that says it is of another version; its entry. Gone when the test is over. */
export function libraryOfVersion(version: string): string {
  const dist = new URL('../../dist/', import.meta.url).pathname;
  // Beside the other one, where the packages are found.
  const copy = mkdtempSync(join(dist, '..', 'dist-'));
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  const { version: ours } = JSON.parse(readFileSync(join(dist, '..', 'package.json'), 'utf8'));
  for (const name of readdirSync(dist).filter((file) => /\.c?js$/.test(file))) {
    const text = readFileSync(join(dist, name), 'utf8').replaceAll(`"${ours}"`, `"${version}"`);
    writeFileSync(join(copy, name), text);
  }
  return join(copy, 'index.js');
}

/** The peer whose process owns the file now. */
export async function ownerOf(peers: readonly Peer[]): Promise<Peer> {
  const { owner } = await (peers[0] as Peer).ask('status');
  const found = peers.find(({ pid }) => pid === owner.pid);
  if (!found) throw new Error(`process ${owner.pid} is none of ours`);
  return found;
}

/** The peer that owns the file now, and the others, as many as there are. */
export async function ownerFirst(peers: readonly Peer[]): Promise<[owner: Peer, reader: Peer, other: Peer]> {
  const owner = await ownerOf(peers);
  return [owner, ...peers.filter((peer) => peer !== owner)] as [Peer, Peer, Peer];
}

/** Waits until the owner has named a successor that is warm, as all others have been told; its pid. */
export async function successorOf(peers: readonly Peer[]): Promise<Peer> {
  const owner = await ownerOf(peers);
  const warm = (peer: Peer): boolean =>
    readFileSync(`/proc/${peer.pid}/maps`, 'utf8').includes('duckdb.node');
  let found: Peer | undefined;
  await until(() => {
    found = peers.find((peer) => peer !== owner && warm(peer));
    return found !== undefined;
  });
  return found as Peer;
}
