import { exactly, merely } from '../checks.mjs';

/** Rows that name their operation. */
export const ROWS = {
  append: {
    tables: ['CREATE TABLE append (worker VARCHAR, n INTEGER)'],
    step: ({ db, worker, n, limits }) => db.run('INSERT INTO append VALUES ($1, $2)', [worker, n], limits),
    judge: async (ops, read) => [
      ...exactly(ops, await read('SELECT worker, n::INTEGER AS n FROM append')),
      ...merely(ops, ({ value }) => value.rowsChanged === 1, 'did not change one row'),
    ],
  },

  returning: {
    tables: ['CREATE TABLE returning_rows (worker VARCHAR, n INTEGER)'],
    step: ({ db, worker, n, limits }) =>
      db.query('INSERT INTO returning_rows VALUES ($1, $2) RETURNING n', [worker, n], limits),
    judge: async (ops, read) => [
      ...exactly(ops, await read('SELECT worker, n::INTEGER AS n FROM returning_rows')),
      ...merely(ops, ({ value, n }) => value.length === 1 && value[0].n === n, 'got rows of another call'),
    ],
  },

  /** What no ledger records: announced, and then never sent again. */
  announced: {
    tables: ['CREATE TABLE announced (worker VARCHAR, n INTEGER)'],
    async step({ db, worker, n, limits }) {
      const sql = 'INSERT INTO announced VALUES ($1, $2) RETURNING n';
      const batches = [];
      for await (const batch of db.stream(sql, [worker, n], limits)) batches.push(...batch);
      return batches;
    },
    judge: async (ops, read) => exactly(ops, await read('SELECT worker, n::INTEGER AS n FROM announced')),
  },

  /** Two statements in one text: each once, the second never without the first. */
  text: {
    tables: ['CREATE TABLE parts (worker VARCHAR, n INTEGER, part INTEGER)'],
    step: ({ db, worker, n, limits }) =>
      db.run(
        `INSERT INTO parts VALUES ('${worker}', ${n}, 0); INSERT INTO parts VALUES ('${worker}', ${n}, 1)`,
        undefined,
        limits,
      ),
    /** The first may be there of a text that failed in its second. */
    judge: async (ops, read) => {
      const rows = await read('SELECT worker, n::INTEGER AS n, part FROM parts');
      const first = rows.filter(({ part }) => part === 0);
      const second = rows.filter(({ part }) => part === 1);
      const begun = new Set(first.map(({ worker, n }) => `${worker} ${n}`));
      const early = second.filter(({ worker, n }) => !begun.has(`${worker} ${n}`));
      const mayHave = ops.map((op) => (op.fate === 'not' ? { ...op, fate: 'open' } : op));
      return [
        ...exactly(mayHave, first),
        ...exactly(ops, second),
        ...early.map(({ worker, n }) => ({ what: 'torn', text: `${worker} ${n}: its second part alone` })),
      ];
    },
  },
};
