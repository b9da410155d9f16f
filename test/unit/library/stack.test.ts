import { describe, expect, it, onTestFinished } from 'vitest';
import { open, type Pond } from '../../../src/pond.ts';
import { openIndex } from '../../../src/project-index.ts';
import { servedPlace } from '../../contract/served.ts';

/** Each calls the library in a function whose name is to be found in the stack. */
const CALLERS: Readonly<Record<string, (db: Pond) => Promise<unknown>>> = {
  async query(db) {
    const theCaller = async (): Promise<unknown> => await db.query('SELECT nope');
    return await theCaller();
  },
  async run(db) {
    const theCaller = async (): Promise<unknown> => await db.run('SELECT nope');
    return await theCaller();
  },
  async 'a stream'(db) {
    const theCaller = async (): Promise<void> => {
      for await (const _ of db.stream('SELECT nope'));
    };
    await theCaller();
  },
  async 'a stream that ends in the middle'(db) {
    const theCaller = async (): Promise<void> => {
      for await (const _ of db.stream('FROM range(1000000)')) await db.close();
    };
    await theCaller();
  },
  async 'a transaction'(db) {
    const theCaller = async (): Promise<void> => {
      await db.transaction((tx) => tx.run('SELECT nope'));
    };
    await theCaller();
  },
  async 'a search'(db) {
    const theCaller = async (): Promise<void> => {
      const index = await openIndex('/tmp', { db });
      await index.search('nothing');
    };
    await theCaller();
  },
  async open(db) {
    const theCaller = async (): Promise<void> => {
      await open(db.path, { candidate: 'never', readOnly: true, attach: { x: '/tmp/no-such.duckdb' } });
    };
    await theCaller();
  },
};

describe('the stack of an error', () => {
  it.each(Object.entries(CALLERS))('of %s shows who called', async (_, call) => {
    const { place } = await servedPlace();
    const db = await open(place.database.path, { candidate: 'never' });
    onTestFinished(() => db.close());
    const error = await call(db).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('code');
    expect((error as Error).stack).toContain('theCaller');
    expect((error as Error).stack).toContain((error as Error).message);
  });
});
