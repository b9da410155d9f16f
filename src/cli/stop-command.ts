import { visitOwner } from '../router/visit.ts';
import { EXIT, type GlobalOptions, type Run } from './context.ts';
import { placeToLook, visitorHello } from './place.ts';
import { print, printJson } from './print.ts';

const TIMEOUT = 10_000;

export const run: Run = async ({ options }) => {
  const pid = await stopOwner(options);
  const stopped = pid !== null;
  if (options.json) await printJson({ stopped, pid });
  else await print(stopped ? `process ${pid} has left the file\n` : 'no process owns the file\n');
  return EXIT.done;
};

/** The pid of the owner that left; null where there was none. */
async function stopOwner(options: GlobalOptions): Promise<number | null> {
  const paths = placeToLook(options);
  const timeout = options.timeout ?? TIMEOUT;
  const link = await visitOwner(paths, visitorHello(paths, 'stop'), timeout);
  if (!link) return null;
  const { pid } = await link.request('stop', {}, timeout);
  // It closes the file before it closes the connection.
  await link.closed;
  return pid;
}
