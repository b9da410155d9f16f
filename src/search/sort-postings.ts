import type { Connection } from '../engine/connection.ts';
import { type Meta, numberAt } from './schema.ts';

/**
 * Postings out of order cost every term of every search a scan over them; sorting costs writing all of them
 * again. Both stay small when the table is sorted once the tail has this many rows and this share of it.
 */
const TAIL_ROWS = 250_000;
const TAIL_SHARE = 0.2;

/**
 * Puts the postings in order by term where too many are not: zone maps then prune a term's scan to the row
 * groups it is in. One transaction; searches meanwhile read the old table.
 */
export async function sortPostings(
  connection: Connection,
  { sorted }: Meta,
  began: () => void,
): Promise<void> {
  const [row] = await connection.all('SELECT count(*) AS postings FROM postings');
  const postings = numberAt(row, 'postings');
  // Rows deleted from the sorted part make this an underestimate by as many: they were paid for by the next sort.
  const tail = postings - sorted;
  if (tail < Math.max(TAIL_ROWS, postings * TAIL_SHARE)) return;
  began();
  const { schema } = connection;
  await connection.transaction(async () => {
    await connection.run(`
      CREATE TABLE ${schema}.postings_sorted AS SELECT * FROM postings ORDER BY term, chunk;
      DROP TABLE ${schema}.postings;
      ALTER TABLE ${schema}.postings_sorted RENAME TO postings;`);
    await connection.run(`UPDATE index_meta SET value = '${postings}' WHERE key = 'sorted'`);
  });
}
