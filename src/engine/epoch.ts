import { PondError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { LEDGER_COLUMNS } from './ledger.ts';

/** The ownerships that a database has seen, counted in it. */

export interface Epoch {
  /** Of this ownership: one higher than the last. */
  readonly epoch: number;
  /** The latest epoch of which the ledger has removed rows that no client had settled; 0 for none. */
  readonly forgotten: number;
}

const COLUMNS = 'epoch::DOUBLE AS epoch, forgotten::DOUBLE AS forgotten';

/** 0 where nobody has counted yet. */
export async function readEpoch(connection: Connection): Promise<Epoch> {
  const [row] = await connection.all('SELECT epoch::DOUBLE AS epoch FROM ownership').catch(() => []);
  return { epoch: Number(row?.epoch ?? 0), forgotten: 0 };
}

/** One higher than the last. Makes the tables of every owner where they are not there. */
export async function nextEpoch(connection: Connection): Promise<Epoch> {
  const counted = (await count(connection)) ?? (await makeTables(connection));
  if (counted) return counted;
  throw new PondError('CORRUPT', 'the table _onepond.ownership does not count the owners of this file', {
    hint: 'the schema _onepond belongs to onepond; restore a copy of the file',
  });
}

/** Null where the tables are not there yet: nearly always they are, and every reader waits for this. */
async function count(connection: Connection): Promise<Epoch | null> {
  const isKnown = await connection
    .all('SELECT forgotten, outcome FROM ownership, ledger LIMIT 0')
    .catch(() => null);
  if (isKnown === null) return null;
  const [row] = await connection.all(
    `UPDATE ownership SET epoch = epoch + 1, taken_at = now() AT TIME ZONE 'UTC' RETURNING ${COLUMNS}`,
  );
  return row ? { epoch: Number(row.epoch), forgotten: Number(row.forgotten) } : null;
}

async function makeTables(connection: Connection): Promise<Epoch | null> {
  const { schema } = connection;
  await connection.transaction(async () => {
    await connection.run(
      `CREATE TABLE IF NOT EXISTS ${schema}.ownership (
        epoch BIGINT NOT NULL, taken_at TIMESTAMP NOT NULL, forgotten BIGINT DEFAULT 0)`,
    );
    // Of an earlier onepond: it has counted already.
    await connection.run(
      `ALTER TABLE ${schema}.ownership ADD COLUMN IF NOT EXISTS forgotten BIGINT DEFAULT 0`,
    );
    await connection.run(`CREATE TABLE IF NOT EXISTS ${schema}.ledger (${LEDGER_COLUMNS})`);
    await connection.run(
      "INSERT INTO ownership SELECT 0, now() AT TIME ZONE 'UTC', 0 WHERE NOT EXISTS (FROM ownership)",
    );
  });
  return count(connection);
}
