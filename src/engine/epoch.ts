import type { Connection } from './connection.ts';
import { LEDGER_COLUMNS } from './ledger.ts';

/** The ownerships that a database has seen, counted in it. */

/** 0 where nobody has counted yet. */
export async function readEpoch(connection: Connection): Promise<number> {
  const rows = await connection.all('SELECT epoch::DOUBLE AS epoch FROM ownership').catch(() => []);
  return Number(rows[0]?.epoch ?? 0);
}

/** One higher than the last. Makes the tables of every owner where they are not there. */
export async function nextEpoch(connection: Connection): Promise<number> {
  return (await count(connection)) ?? (await makeTables(connection));
}

/** Null where the tables are not there yet: nearly always they are, and every reader waits for this. */
async function count(connection: Connection): Promise<number | null> {
  const isKnown = await connection.all('SELECT 0 FROM ledger LIMIT 0').catch(() => null);
  if (isKnown === null) return null;
  const rows = await connection.all(
    `UPDATE ownership SET epoch = epoch + 1, taken_at = now() AT TIME ZONE 'UTC'
      RETURNING epoch::DOUBLE AS epoch`,
  );
  return Number(rows[0]?.epoch);
}

async function makeTables(connection: Connection): Promise<number> {
  await connection.transaction(async () => {
    const { schema } = connection;
    await connection.run(
      `CREATE TABLE IF NOT EXISTS ${schema}.ownership (epoch BIGINT NOT NULL, taken_at TIMESTAMP NOT NULL)`,
    );
    await connection.run(`CREATE TABLE IF NOT EXISTS ${schema}.ledger (${LEDGER_COLUMNS})`);
    // A database of an earlier onepond counts already.
    await connection.run(
      "INSERT INTO ownership SELECT 0, now() AT TIME ZONE 'UTC' WHERE NOT EXISTS (FROM ownership)",
    );
  });
  return (await count(connection)) ?? 0;
}
