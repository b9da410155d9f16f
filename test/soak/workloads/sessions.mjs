import { exactly, merely, whole } from '../checks.mjs';

const parts = (name) => `CREATE TABLE ${name} (worker VARCHAR, n INTEGER, part INTEGER)`;
const ROWS = 'SELECT worker, n::INTEGER AS n, part FROM';

/** Both parts of one transaction, and nothing swallowed where it was acknowledged. */
const judgeParts = (name) => async (ops, read) => {
  const rows = await read(`${ROWS} ${name}`);
  return [
    ...whole(rows, 2),
    ...exactly(
      ops,
      rows.filter(({ part }) => part === 1),
    ),
    ...merely(ops, ({ value }) => value.length === 0, 'committed after one of its statements had failed'),
  ];
};

/** Sessions with settings of their own, and programs that catch the errors of their transactions. */
export const SESSIONS = {
  /** What one transaction() sets, the next one does not see; what it names is looked up where it stands. */
  settings: {
    tables: [
      'CREATE SCHEMA corner',
      'CREATE TABLE corner.visits (worker VARCHAR, n INTEGER)',
      'CREATE TABLE visits (worker VARCHAR, n INTEGER)',
    ],
    step: ({ db, worker, n, limits }) =>
      db.transaction(async (tx) => {
        const [before] = await tx.query(
          `SELECT current_schema() AS place, getvariable('visitor') AS visitor,
            current_setting('default_order') AS default_order`,
        );
        await tx.run('USE corner');
        await tx.run(`SET VARIABLE visitor = '${worker} ${n}'`);
        await tx.run("SET SESSION default_order = 'DESC'");
        await tx.run('INSERT INTO visits VALUES ($1, $2)', [worker, n]);
        return before;
      }, limits),
    judge: async (ops, read) => [
      ...exactly(ops, await read('SELECT worker, n::INTEGER AS n FROM corner.visits')),
      ...merely(
        ops,
        ({ value }) => value.place === 'main' && value.visitor === null && /^asc/i.test(value.default_order),
        'began with settings of another transaction',
      ),
      ...(await read('SELECT worker, n::INTEGER AS n FROM main.visits')).map(({ worker, n }) => ({
        what: 'wrong',
        text: `settings ${worker} ${n}: written outside the schema that its session stood in`,
      })),
    ],
  },

  /** A transaction() whose function goes on after an error: all of it, or nothing. */
  caught: {
    tables: [parts('caught')],
    async step({ db, worker, n, limits }) {
      let failed;
      await db.transaction(async (tx) => {
        failed = [];
        for (const part of [0, 1])
          await tx
            .run('INSERT INTO caught VALUES ($1, $2, $3)', [worker, n, part])
            .catch(({ code }) => failed.push(code));
      }, limits);
      return failed;
    },
    judge: judgeParts('caught'),
  },

  /** The same by hand, with a question between the statements that is none of them. */
  careless: {
    on: 'alone',
    tables: [parts('careless')],
    async step({ db, worker, n, limits, at }) {
      const failed = [];
      await db.run('BEGIN', [], limits);
      for (const part of [0, 1]) {
        await db
          .run('INSERT INTO careless VALUES ($1, $2, $3)', [worker, n, part], limits)
          .catch(() => failed.push(part));
        await db.status(limits).catch(() => undefined);
      }
      at('commit');
      await db.run('COMMIT', [], limits);
      return failed;
    },
    after: rollBack,
    // A call that was given up leaves the transaction open, and its program goes on without it.
    judge: async (ops, read) => {
      const rows = await read(`${ROWS} careless`);
      return [0, 1].flatMap((part) =>
        exactly(
          ops.map((op) => (op.value?.includes(part) ? { ...op, fate: 'open' } : op)),
          rows.filter((row) => row.part === part),
        ),
      );
    },
  },

  /** DDL in a transaction beside a statement that another session has kept: it answers what is committed. */
  kept: {
    on: 'alone',
    tables: ['CREATE TABLE kept (worker VARCHAR, n INTEGER)'],
    choose: (random) => ({ end: random.pick(['COMMIT', 'COMMIT', 'ROLLBACK']) }),
    async step({ db, shared, worker, n, args: { end }, limits, at }) {
      await db.run('BEGIN', [], limits);
      await db.run(`CREATE OR REPLACE MACRO kept_${worker}() AS ${n}`, [], limits);
      await db.run('INSERT INTO kept VALUES ($1, $2)', [worker, n], limits);
      if (end === 'COMMIT') at('commit');
      await db.run(end, [], limits);
      const [row] = await shared
        .query(`SELECT (kept_${worker}() + $1)::INTEGER AS v`, [0], limits)
        .catch(() => []);
      return row?.v ?? null;
    },
    after: rollBack,
    judge: async (ops, read) => {
      const committed = (op) => op.args.end === 'COMMIT';
      const wanted = ops.map((op) => (committed(op) ? op : { ...op, fate: 'not' }));
      return [
        ...exactly(wanted, await read('SELECT worker, n::INTEGER AS n FROM kept')),
        ...stale(ops, committed),
      ];
    },
  },
};

/** A transaction that failed before its COMMIT is not there, whatever is known of the call that failed. */
export function rollBack({ db, patience }) {
  return db.run('ROLLBACK', [], { timeout: patience }).catch(() => undefined);
}

/** Each answer is what was committed last, or what may have been since. */
function stale(ops, committed) {
  const wrong = [];
  const may = new Map();
  for (const op of [...ops].sort((a, b) => a.begun - b.begun)) {
    const { worker, n, fate, value } = op;
    if (committed(op) && fate === 'done') may.set(worker, new Set([n]));
    if (committed(op) && fate === 'open') may.set(worker, new Set([...(may.get(worker) ?? []), n]));
    if (fate === 'done' && value != null && !may.get(worker)?.has(value))
      wrong.push({
        what: 'wrong',
        text: `kept ${worker} ${n}: answered ${value}, not ${[...(may.get(worker) ?? [])]}`,
      });
  }
  return wrong;
}
