import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = '48m';
const KB = Buffer.alloc(1024);

/** A small file system of its own, which can be filled up. Null where this machine will not let us have one. */
export function smallDisk(folder) {
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  const filler = join(folder, 'filler');
  return {
    folder,
    /** Leaves so many KB. */
    fill(left) {
      const { bavail, bsize } = statfsSync(folder);
      const file = openSync(filler, 'a');
      try {
        for (let room = (bavail * bsize) / KB.length - left; room > 0; room--) writeSync(file, KB);
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    unmount: () => execFileSync('umount', ['-l', folder]),
  };
}
