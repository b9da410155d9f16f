import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { open, type Pond } from '../../../src/pond.ts';
import { openIndex, type ProjectIndex } from '../../../src/project-index.ts';
import { servedPlace } from '../../contract/served.ts';

async function indexed(): Promise<{ index: ProjectIndex; db: Pond; found: unknown[] }> {
  const { place } = await servedPlace();
  const root = join(place.dir, 'tree');
  mkdirSync(root);
  writeFileSync(join(root, 'a.txt'), 'a word');
  const db = await open(place.database.path, { candidate: 'never' });
  onTestFinished(() => db.close());
  const found: unknown[] = [];
  db.on('owner-found', (owner) => found.push(owner));
  return { index: await openIndex(root, { db }), db, found };
}

describe('a listener to the progress of an update', () => {
  it('that throws ends its own update with its error, and nothing else', async () => {
    const { index, db, found } = await indexed();
    const mistake = new Error('a mistake in the listener');
    const update = index.update({
      onProgress: () => {
        throw mistake;
      },
    });
    const other = db.query('SELECT 1 AS one');
    await expect(update).rejects.toBe(mistake);
    expect(await other).toEqual([{ one: 1 }]);
    expect(await index.update()).toMatchObject({ files: 1 });
    expect(found).toEqual([]);
  });

  it('must be a function', async () => {
    const { index } = await indexed();
    await expect(index.update({ onProgress: 5 as never })).rejects.toThrow(TypeError);
  });
});

describe('a listener to an event', () => {
  it('that throws surfaces as an uncaught exception, and rejects no call', async () => {
    const { place } = await servedPlace();
    const db = await open(place.database.path, { candidate: 'never' });
    onTestFinished(() => db.close());
    const mistake = new Error('a mistake in the listener');
    db.on('role', () => {
      throw mistake;
    });
    const others = process.listeners('uncaughtException');
    onTestFinished(() => others.forEach((listener) => void process.on('uncaughtException', listener)));
    const surfaced = new Promise((caught) => {
      process.removeAllListeners('uncaughtException').once('uncaughtException', caught);
    });
    await db.close();
    expect(await surfaced).toBe(mistake);
  });
});
