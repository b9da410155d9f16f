import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { BIN, type World } from './world.ts';

export const SOURCES = {
  'src/parser.ts': 'export function parseHeader(text: string) {\n  return text.split(":");\n}\n',
  'src/server.py': 'def start_server(port):\n    """listens"""\n    return port\n',
  'docs/guide.md': '# Guide\n\nHow to parse a header.\n',
};

/** A small project in the world's folder; its root. */
export function project(world: World): string {
  const root = world.path('project');
  mkdirSync(`${root}/.git`, { recursive: true });
  for (const [name, text] of Object.entries(SOURCES)) {
    mkdirSync(dirname(`${root}/${name}`), { recursive: true });
    writeFileSync(`${root}/${name}`, text);
  }
  return realpathSync(root);
}

/** A serve process, once it says that it is ready. */
export async function serve(
  world: World,
  cwd: string,
  ...flags: string[]
): Promise<{ pid: number; ended: Promise<number | null> }> {
  const child = world.start([BIN, 'serve', '--json', ...flags], { cwd });
  const ended = new Promise<number | null>((end) => child.once('exit', (code) => end(code)));
  const [line] = await Promise.race([
    new Promise<[string]>((ready) =>
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', (text) => ready([text])),
    ),
    ended.then((code) => Promise.reject(new Error(`serve ended with ${code}`))),
  ]);
  expect(JSON.parse(line)).toEqual({
    ready: true,
    pid: child.pid,
    epoch: expect.any(Number),
    socket: expect.any(String),
  });
  return { pid: child.pid as number, ended };
}
