import { projectRoot } from '../paths.ts';
import { open, type Pond } from '../pond.ts';
import { openIndex } from '../project-index.ts';
import { type Context, EXIT, type Run } from './context.ts';
import { detach } from './detach.ts';
import { fired, unlessInterrupted } from './interrupt.ts';
import { openOptions, placeToOpen } from './place.ts';
import { note, print, printJson } from './print.ts';

interface ServeFlags {
  readonly watch?: boolean;
  readonly detach?: boolean;
  readonly idleTimeout?: number;
}

export const run: Run = async (context, _args, flags) => {
  const { watch, detach: background, idleTimeout } = flags as ServeFlags;
  if (background) return detach(context.options);
  const { options, signal } = context;
  const opening = open(placeToOpen(options), { ...openOptions(options, 'serve'), candidate: 'prefer' });
  await using db = await unlessInterrupted(signal, opening);
  await unlessInterrupted(signal, becomeOwner(db, context));
  const left = ownershipEnds(db, signal);
  if (watch) await (await openIndex(projectRoot(process.cwd()), { db })).watch();
  await announce(db, context);
  await Promise.race([left, ...(idleTimeout === undefined ? [] : [idle(db, idleTimeout)])]);
  return EXIT.done;
};

/** While another process owns the file, this one waits at the head of the line. */
async function becomeOwner(db: Pond, { options }: Context): Promise<void> {
  if (db.role !== 'owner' && !options.quiet) {
    const { owner } = await db.status();
    note(`onepond: process ${owner?.pid} owns the file; this one takes over when it leaves`);
  }
  await new Promise<void>((done) => {
    const check = (): void => {
      if (db.role === 'owner') done();
    };
    db.on('role', check);
    check();
  });
}

/** By a signal, or by `onepond stop`. */
function ownershipEnds(db: Pond, signal: AbortSignal): Promise<void> {
  const lost = new Promise<void>((done) => void db.on('owner-lost', () => done()));
  return Promise.race([lost, fired(signal)]);
}

async function announce(db: Pond, { options }: Context): Promise<void> {
  const { owner } = await db.status();
  if (!owner) return;
  const { pid, epoch, socket } = owner;
  if (options.json) await printJson({ ready: true, pid, epoch, socket });
  else await print(`onepond: process ${pid} owns ${db.path} (epoch ${epoch}, ${socket})\n`);
}

/** Settles when nobody but this process has been connected for `ms`. */
async function idle(db: Pond, ms: number): Promise<void> {
  let busyAt = performance.now();
  for (;;) {
    await new Promise((look) => setTimeout(look, Math.min(Math.max(ms / 4, 10), 1_000)));
    const { clients } = await db.status();
    if (clients.some(({ pid }) => pid !== process.pid)) busyAt = performance.now();
    if (performance.now() - busyAt >= ms) return;
  }
}
