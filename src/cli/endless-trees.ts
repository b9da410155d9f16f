import { realpathSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { parse } from 'node:path';
import { PondError } from '../errors.ts';
import type { ProjectIndex } from '../project-index.ts';
import type { CallLimits } from '../shapes.ts';

/** Folders that hold a system's files, or everybody's: a project lies below one, and is none of them. */
const SYSTEM_FOLDERS = [
  '/bin /boot /etc /home /lib /lib64 /media /mnt /nix /opt /private /root /sbin /snap /srv /tmp',
  '/usr /usr/lib /usr/local /usr/share /var /var/lib /var/tmp',
  '/Applications /Library /System /Users /Volumes',
].flatMap((line) => line.split(' '));

/** Of the running system: devices, processes, sockets. A disk or a folder in memory may be mounted there. */
const RUNNING_SYSTEM = /^\/(?:proc|sys|dev|run)(?:\/|$)/;
const MOUNTED_THERE = /^\/(?:dev\/shm|run\/user\/\d+|run\/media\/[^/]+\/[^/]+)\/./;
/** A whole drive: of Windows, as its subsystem for Linux shows it, or where desktops mount them. */
const DRIVE = /^(?:\/mnt\/[a-z]|\/Volumes\/[^/]+|\/media\/[^/]+(?:\/[^/]+)?)$/;

/**
 * The whole disk, a home folder, the running system and what else no one means who only stands there.
 * @param root real path
 */
export function isEndless(root: string): boolean {
  if (parse(root).root === root || DRIVE.test(root)) return true;
  if (RUNNING_SYSTEM.test(root) && !MOUNTED_THERE.test(root)) return true;
  const folders = [...SYSTEM_FOLDERS, ...homes(), tmpdir(), ...windowsFolders()];
  return folders.some((folder) => folder === root || realOf(folder) === root);
}

function homes(): string[] {
  try {
    return [homedir(), userInfo().homedir];
  } catch {
    // A user without a name, and no HOME.
    return [];
  }
}

function windowsFolders(): string[] {
  const { SystemRoot, ProgramFiles, ProgramData, PUBLIC } = process.env;
  return [SystemRoot, ProgramFiles, ProgramData, PUBLIC].filter((folder) => folder !== undefined);
}

function realOf(folder: string): string | null {
  try {
    return realpathSync.native(folder);
  } catch {
    return null;
  }
}

/** @throws PondError INVALID where the index of such a tree would be made, and nobody has asked for it by name */
export async function refuseEndless(index: ProjectIndex, limits: CallLimits): Promise<void> {
  if (isEndless(index.root) && (await index.status(limits)) === null) throw endless(index.root);
}

export const endless = (root: string): PondError =>
  new PondError('INVALID', `${root} is not indexed unless it is named`, {
    hint: `change to the folder of a project, or run: onepond index ${root}`,
  });
