import { existsSync } from 'node:fs';
import type { OpenOptions } from '../options.ts';
import { writeRefusal } from '../options.ts';
import type { GlobalOptions } from './context.ts';
import { openOptions } from './place.ts';

/**
 * For a command that may only read: what this process cannot write, such as a file on a read-only file system, is
 * opened read-only, and every change ends in READ_ONLY.
 */
export function readOptions(db: string, options: GlobalOptions, command: string): OpenOptions {
  const readOnly = existsSync(db) && writeRefusal(db) !== null;
  return { ...openOptions(options, command), ...(readOnly && { readOnly }) };
}
