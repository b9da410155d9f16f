import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Connection } from '../../../src/engine/connection.ts';
import { openDatabase } from '../../../src/engine/database.ts';
import { createSearchIndex, type SearchIndexOptions } from '../../../src/search/index.ts';

/** A folder that goes with the test; its real path. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-search-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

export function writeTree(root: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

export function tempTree(files: Files): string {
  const root = tempFolder();
  writeTree(root, files);
  return root;
}

/** A real database outside the tree, and an index in it; both are closed after the test. */
export async function openTestIndex(options: Partial<SearchIndexOptions> = {}) {
  const path = join(tempFolder(), 'index.duckdb');
  const database = await openDatabase(path);
  onTestFinished(() => database.close());
  const connect: () => Promise<Connection> = () => database.connect();
  const create = (more: Partial<SearchIndexOptions> = {}) => {
    const index = createSearchIndex({
      connect,
      db: path,
      isProtected: () => false,
      readOnly: false,
      log: () => {},
      worker: null,
      ...options,
      ...more,
    });
    onTestFinished(() => index.close());
    return index;
  };
  return { path, connect, create, index: create() };
}
