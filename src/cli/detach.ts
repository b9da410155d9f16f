import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { EXIT, type GlobalOptions } from './context.ts';
import { note, print } from './print.ts';

/** Starts the same command again in the background, and returns when it says that it is ready. */
export async function detach(options: GlobalOptions): Promise<number> {
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const failed = once(child, 'exit').then(([status]) => status as number | null);
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!options.quiet) note(line);
  });
  const ready = once(createInterface({ input: child.stdout }), 'line').then(([line]) => line as string);
  const first = await Promise.race([ready, failed]);
  if (typeof first !== 'string') return first ?? EXIT.usage;
  await print(`${first}\n`);
  child.unref();
  child.stdout.destroy();
  child.stderr.destroy();
  return EXIT.done;
}
