import { readdirSync } from 'node:fs';
import { exactly } from '../checks.mjs';

/** Statements that a read-only handle may not do, or that do nothing to anybody else. `$DIR` is a folder of its own. */
const TRIES = [
  'INSERT INTO untouched VALUES (4)',
  'DELETE FROM untouched',
  'UPDATE untouched SET id = 0',
  'DROP TABLE untouched',
  'ALTER TABLE untouched ADD COLUMN x INTEGER',
  'CREATE TABLE touched (id INTEGER)',
  'CREATE OR REPLACE TABLE untouched AS SELECT 1 AS id',
  'CREATE TEMP TABLE mine (id INTEGER)',
  'COMMIT; DROP TABLE untouched',
  'EXPLAIN ANALYZE COMMIT; DROP TABLE untouched',
  'EXPLAIN ANALYSE DELETE FROM untouched',
  'EXPLAIN (ANALYZE) INSERT INTO untouched VALUES (5)',
  'PREPARE p AS DELETE FROM untouched; EXECUTE p',
  "SELECT nextval('ids')",
  "FROM query('SELECT nextval(''ids'')')",
  "COPY untouched TO '$DIR/copy.csv'",
  "EXPORT DATABASE '$DIR/export'",
  "SELECT 1; EXPORT DATABASE '$DIR/export'",
  "ATTACH '$DIR/other.duckdb' AS other",
  "SET profiling_output = '$DIR/profile.json'",
  "PRAGMA enable_profiling = 'json'",
  "SET log_query_path = '$DIR/queries.log'",
  "CALL enable_logging(storage = 'file', storage_path = '$DIR/logs')",
  "FROM enable_logging(storage = 'file', storage_path = '$DIR/logs')",
  "SET GLOBAL default_order = 'DESC'",
  'SET GLOBAL threads = 1',
  "SET memory_limit = '100MB'",
  'RESET GLOBAL default_order',
  "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
  'CHECKPOINT',
  'FORCE CHECKPOINT',
  'FROM force_checkpoint()',
  'VACUUM',
  'ANALYZE',
  "SET VARIABLE mine = 1; SELECT getvariable('mine')",
  'USE memory',
  'SELECT count(*) FROM untouched',
  'SHOW TABLES',
  'DESCRIBE untouched',
  'PRAGMA table_info(untouched)',
];

/** What a read-only client could have changed, and what it must be. */
const STATE = `SELECT
  (SELECT list(id ORDER BY id)::VARCHAR FROM untouched) AS rows,
  (SELECT count(*)::INTEGER FROM duckdb_tables() WHERE table_name IN ('touched', 'mine')) AS tables,
  (SELECT last_value FROM duckdb_sequences() WHERE sequence_name = 'ids')::VARCHAR AS sequence,
  (SELECT count(*)::INTEGER FROM duckdb_secrets()) AS secrets`;
const UNTOUCHED = { rows: '[1, 2, 3]', tables: 0, sequence: null, secrets: 0 };

/** Clients beside the ordinary ones: those that may only read, write to another file, or take their time. */
export const GUESTS = {
  /** Whatever a read-only client tries, nothing changes. */
  reader: {
    on: 'reader',
    isRead: true,
    tables: ['CREATE TABLE untouched AS SELECT unnest([1, 2, 3]) AS id', 'CREATE SEQUENCE ids'],
    errors: ['READ_ONLY', 'SQL', 'INVALID'],
    choose: (random) => ({ sql: random.pick(TRIES) }),
    step: async ({ db, args, folder, limits }) =>
      (await db.query(args.sql.replaceAll('$DIR', folder), undefined, limits)).length,
    judge: async (_ops, read, { folder }) => {
      const state = await read(STATE).then(
        ([row]) => row,
        () => ({}),
      );
      const changed = Object.keys(UNTOUCHED).filter((key) => state[key] !== UNTOUCHED[key]);
      return [
        ...changed.map((key) => ({
          what: 'wrong',
          text: `a read-only client changed ${key}: ${state[key]}`,
        })),
        ...readdirSync(folder).map((name) => ({
          what: 'wrong',
          text: `a read-only client made the file ${name}`,
        })),
      ];
    },
  },

  /** Writes to an attached file, which no ledger records. */
  attached: {
    on: 'attached',
    tables: [],
    sideTables: ['CREATE TABLE attached (worker VARCHAR, n INTEGER)'],
    step: ({ db, worker, n, limits }) =>
      db.run('INSERT INTO side.attached VALUES ($1, $2)', [worker, n], limits),
    judge: async (ops, _read, { readSide }) =>
      exactly(ops, await readSide('SELECT worker, n::INTEGER AS n FROM attached')),
  },

  /** The same file, opened as a database of its own by a process that also uses the set: one of them is refused. */
  rival: {
    on: 'rival',
    tables: [],
    sideTables: ['CREATE TABLE rival (worker VARCHAR, n INTEGER)'],
    errors: ['OWNER_UNREACHABLE'],
    async step({ openSide, worker, n, limits }) {
      const db = await openSide();
      try {
        const { rowsChanged } = await db.run('INSERT INTO rival VALUES ($1, $2)', [worker, n], limits);
        // Its epoch is another file's.
        return { rowsChanged };
      } finally {
        await db.close();
      }
    },
    judge: async (ops, _read, { readSide }) =>
      exactly(ops, await readSide('SELECT worker, n::INTEGER AS n FROM rival')),
  },

  /** One task of DuckDB's that takes seconds and cannot be interrupted meanwhile. */
  slow: {
    on: 'slow',
    tables: ['CREATE TABLE slow (worker VARCHAR, n INTEGER)'],
    step: ({ db, worker, n, limits }) =>
      db.run(
        'INSERT INTO slow SELECT $1, $2 WHERE len(list_sort(range(10000000 + $2))) > 0',
        [worker, n],
        limits,
      ),
    judge: async (ops, read) => exactly(ops, await read('SELECT worker, n::INTEGER AS n FROM slow')),
  },
};
