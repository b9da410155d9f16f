import { anySignal } from '../any-signal.ts';
import { open, type Pond } from '../pond.ts';
import { openIndex } from '../project-index.ts';
import { type Context, EXIT, type Run } from './context.ts';
import { detach, tellStarter } from './detach.ts';
import { refuseEndless } from './endless-trees.ts';
import { fired, interrupted, unlessInterrupted } from './interrupt.ts';
import { currentProject, openOptions, placeToOpen, projectToIndex } from './place.ts';
import { note, print } from './print.ts';

interface ServeFlags {
  readonly watch?: boolean;
  readonly detach?: boolean;
  readonly idleTimeout?: number;
}

export const run: Run = async (context, _args, flags) => {
  const { watch, detach: background, idleTimeout } = flags as ServeFlags;
  const { options, signal } = context;
  if (watch) projectToIndex(options);
  if (background) return detach(context);
  const opening = open(placeToOpen(options), { ...openOptions(options, 'serve'), candidate: 'prefer' });
  await using db = await unlessInterrupted(signal, opening);
  await unlessInterrupted(signal, becomeOwner(db, context));
  const left = ownershipEnds(db, signal);
  if (watch) await Promise.race([fired(left), watchProject(db, left)]);
  if (signal.aborted) throw interrupted();
  if (left.aborted) return EXIT.done;
  await announce(db, context);
  await Promise.race([fired(left), ...(idleTimeout === undefined ? [] : [idle(db, idleTimeout)])]);
  return EXIT.done;
};

/** While another process owns the file, this one waits at the head of the line. */
async function becomeOwner(db: Pond, { options }: Context): Promise<void> {
  if (db.role !== 'owner') {
    const { owner } = await db.status();
    const text = `onepond: process ${owner?.pid} owns the file; process ${process.pid} takes over when it leaves`;
    const json = JSON.stringify({ ready: false, pid: process.pid, owner: owner?.pid });
    if (!tellStarter(options.json ? json : text) && !options.quiet) note(text);
  }
  await new Promise<void>((done) => {
    const check = (): void => {
      if (db.role === 'owner') done();
    };
    db.on('role', check);
    check();
  });
}

/** Fires at a signal, and after `onepond stop`: then at once, or the calls under way would elect an owner again. */
function ownershipEnds(db: Pond, signal: AbortSignal): AbortSignal {
  const lost = new AbortController();
  db.on('owner-lost', () => {
    lost.abort();
    void db.close();
  });
  return anySignal([signal, lost.signal]);
}

/** Settles when the index has caught up. The scan ends with the ownership. */
async function watchProject(db: Pond, left: AbortSignal): Promise<void> {
  const index = await openIndex(currentProject(), { db });
  await refuseEndless(index, { signal: left });
  await index.watch({ signal: left });
}

async function announce(db: Pond, { options }: Context): Promise<void> {
  const { owner } = await db.status();
  if (!owner) return;
  const { pid, epoch, socket } = owner;
  const text = `onepond: process ${pid} owns ${db.path} (epoch ${epoch}, ${socket})`;
  const line = options.json ? JSON.stringify({ ready: true, pid, epoch, socket }) : text;
  tellStarter(line);
  await print(`${line}\n`);
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
