import { chmodSync, rmSync } from 'node:fs';
import { breakLock } from '../election/lock-folder.ts';
import { removeHome, withdrawRecord } from '../election/record.ts';
import type { Facts } from './facts.ts';

/** Does one safe thing about a finding, and says what. Only what is dead is removed, only what is ours is changed. */
export type Repair = (facts: Facts) => string;

export const REPAIRS = {
  lock({ lock, paths }) {
    if (lock.holder !== null) breakLock(paths.lock, lock.holder, `${process.pid}.doctor`);
    removeHome(paths);
    return `removed ${paths.lock}`;
  },
  record({ record, paths }) {
    if (record) withdrawRecord(paths, record.instance);
    removeHome(paths);
    return `removed ${paths.record}`;
  },
  sockets({ folders }) {
    const dead = folders.flatMap(({ sockets }) => sockets.filter(({ isDead }) => isDead));
    for (const { path } of dead) rmSync(path, { force: true });
    return `removed ${dead.map(({ path }) => path).join(', ')}`;
  },
  folders({ folders }) {
    const own = folders.filter(({ stats }) => stats.uid === process.getuid?.() && (stats.mode & 0o077) !== 0);
    for (const { path } of own) chmodSync(path, 0o700);
    return `closed ${own.map(({ path }) => path).join(', ')} to other users`;
  },
} as const satisfies Record<string, Repair>;
