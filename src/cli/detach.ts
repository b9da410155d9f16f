import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Context, EXIT } from './context.ts';
import { INTERRUPT_GRACE, unlessInterrupted } from './interrupt.ts';
import { note, print } from './print.ts';

/**
 * Starts the same command again in the background, and returns with its first word: that it is ready, or that it
 * waits. The word comes by a channel of its own: the child's stdout has no reader that could leave.
 */
export async function detach({ options, signal }: Context): Promise<number> {
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const stderr = child.stderr as NodeJS.ReadableStream & { destroy(): void };
  createInterface({ input: stderr }).on('line', (line) => {
    if (!options.quiet) note(line);
  });
  const ended = once(child, 'close').then(([status]) => (status as number | null) ?? EXIT.usage);
  const word = once(child, 'message').then(([line]) => line as string);
  // It is in a session of its own: the terminal's interrupt reaches this process alone.
  signal.addEventListener('abort', () => child.kill(), { once: true });
  const first = await unlessInterrupted(signal, Promise.race([word, ended]), INTERRUPT_GRACE);
  if (typeof first === 'number') return first;
  await print(`${first}\n`);
  child.disconnect();
  child.unref();
  stderr.destroy();
  return EXIT.done;
}

/** Says something to the process that waits in {@link detach}. False where there is none. */
export function tellStarter(line: string): boolean {
  if (!process.connected) return false;
  // It may go at any moment, which is no error.
  process.send?.(line, undefined, undefined, () => undefined);
  return true;
}
