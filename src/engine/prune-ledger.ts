import type { Connection } from './connection.ts';

/** Removes the rows of calls that have their answer. @param settled up to which number, by client */
export async function removeSettledRows(
  connection: Connection,
  settled: readonly (readonly [client: string, call: number])[],
): Promise<void> {
  // The driver cannot bind a list without items.
  if (settled.length === 0) return;
  await connection.run(
    `DELETE FROM ledger WHERE call <= (
      SELECT max(settled) FROM (SELECT unnest($1::VARCHAR[]) AS c, unnest($2::BIGINT[]) AS settled)
      WHERE c = client)`,
    [settled.map(([client]) => client), settled.map(([, call]) => call)],
  );
}

/**
 * Removes rows that no client has settled, for their age, and keeps in the file up to which epoch that was done: a
 * call that was first sent up to then, and has no row, may have been done.
 * @param last the latest epoch whose rows may go
 * @returns the latest epoch of which a row has gone; 0 for none
 */
export async function removeOldRows(connection: Connection, before: Date, last: number): Promise<number> {
  const params = [before, last];
  const [row] = await connection.all(
    'SELECT max(epoch)::DOUBLE AS epoch FROM ledger WHERE written_at < $1 AND epoch <= $2',
    params,
  );
  const epoch = Number(row?.epoch ?? 0);
  if (epoch === 0) return 0;
  await connection.run('DELETE FROM ledger WHERE written_at < $1 AND epoch <= $2', params);
  await connection.run('UPDATE ownership SET forgotten = greatest(forgotten, $1)', [epoch]);
  return epoch;
}
