import type { Watching } from '../shapes.ts';
import { createWatch, type Watch, type WatchOptions } from './watch.ts';

export interface Watches {
  /** The watch of this root, begun by the first who holds it; the function lets go of it. */
  hold(root: string): Promise<() => Promise<void>>;
  /** Paths known to have changed and not yet indexed. */
  pending(): number;
  watching(root: string): Promise<Watching>;
  close(): Promise<void>;
}

interface Held {
  readonly started: Promise<Watch>;
  readonly watch: Watch;
  holders: number;
}

/** Counts who wants which root watched: one watcher each, as long as anybody does. */
export function createWatches(options: Omit<WatchOptions, 'root'>): Watches {
  const held = new Map<string, Held>();
  const live = new Set<Watch>();

  const begin = (root: string): Held => {
    const watch = createWatch({ ...options, root });
    live.add(watch);
    const started = watch.start().then(
      () => watch,
      async (error: unknown) => {
        held.delete(root);
        await end(watch);
        throw error;
      },
    );
    const entry = { started, watch, holders: 0 };
    held.set(root, entry);
    return entry;
  };

  const end = async (watch: Watch): Promise<void> => {
    live.delete(watch);
    await watch.close();
  };

  return {
    async hold(root) {
      const entry = held.get(root) ?? begin(root);
      entry.holders++;
      const watch = await entry.started;
      let holding = true;
      return async () => {
        if (!holding) return;
        holding = false;
        if (--entry.holders > 0) return;
        if (held.get(root) === entry) held.delete(root);
        await end(watch);
      };
    },
    watching: async (root) => (await held.get(root)?.watch.watching()) ?? false,
    pending: () => [...live].reduce((sum, watch) => sum + watch.pending, 0),
    async close() {
      held.clear();
      await Promise.all([...live].map(end));
    },
  };
}
