import { balances, exactly, merely } from './checks.mjs';

const COUNTERS = 4;
const ACCOUNTS = 6;
const OPENING = 1000;
/** More than accounts: two explicit transactions that meet in one row are a conflict, and that is told enough. */
const PURSES = 40;
const table = (name, rows, v) => [
  `CREATE TABLE ${name} (id INTEGER, v BIGINT)`,
  `INSERT INTO ${name} SELECT range, ${v} FROM range(${rows})`,
];

/** From one to another of so many. */
const transferAmong = (count) => (random) => {
  const from = random.between(0, count - 1);
  const to = (from + random.between(1, count - 1)) % count;
  return { from, to, amount: random.between(1, 20) };
};

/**
 * What the workers do, one row a workload:
 * - `tables`: made once, before the first worker
 * - `choose`: the step's own values, which go into the history before the step
 * - `step`: one call, or one transaction; what it returns is the acknowledged result
 * - `judge`: gets the operations of the history and `read`, which asks the final database; returns what is wrong
 *
 * A workload that is `alone` has a handle to itself: it holds transactions open between calls.
 */
export const WORKLOADS = {
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

  /** Each new value of a counter is told once: no increment is lost under another, none is done twice. */
  counter: {
    tables: table('counters', COUNTERS, 0),
    choose: (random) => ({ id: random.between(0, COUNTERS - 1) }),
    step: ({ db, args, limits }) =>
      db.query('UPDATE counters SET v = v + 1 WHERE id = $1 RETURNING v::INTEGER AS v', [args.id], limits),
    judge: async (ops, read) => {
      const wrong = [];
      for (const { id, v } of await read('SELECT id, v::INTEGER AS v FROM counters')) {
        const own = ops.filter(({ args }) => args.id === id);
        const told = own.filter(({ value }) => value).map(({ value }) => value[0].v);
        const least = own.filter(({ fate }) => fate === 'done').length;
        const most = least + own.filter(({ fate }) => fate === 'open').length;
        if (v < least) wrong.push({ what: 'lost', text: `counter ${id} is ${v}, after ${least} increments` });
        if (v > most)
          wrong.push({ what: 'duplicate', text: `counter ${id} is ${v}, after at most ${most} increments` });
        if (new Set(told).size < told.length || told.some((one) => one > v))
          wrong.push({ what: 'lost', text: `counter ${id} told one value twice, or one over its last` });
      }
      return wrong;
    },
  },

  /** One statement that changes two rows. */
  transfer: {
    tables: table('accounts', ACCOUNTS, OPENING),
    choose: transferAmong(ACCOUNTS),
    step: ({ db, args: { from, to, amount }, limits }) =>
      db.run(
        `UPDATE accounts SET v = v + CASE id WHEN ${from} THEN -${amount} ELSE ${amount} END
          WHERE id IN (${from}, ${to})`,
        [],
        limits,
      ),
    judge: async (ops, read) => [
      ...balances(ops, await read('SELECT id, v::INTEGER AS v FROM accounts ORDER BY id'), OPENING),
      ...merely(ops, ({ value }) => value.rowsChanged === 2, 'did not change two rows'),
    ],
  },

  /** The same by hand, with a row that tells whether it happened. */
  transaction: {
    alone: true,
    tables: [
      ...table('purses', PURSES, OPENING),
      'CREATE TABLE moved (worker VARCHAR, n INTEGER, giver INTEGER, taker INTEGER, amount BIGINT)',
    ],
    choose: transferAmong(PURSES),
    async step({ db, worker, n, args: { from, to, amount }, limits, at }) {
      await db.run('BEGIN', [], limits);
      await db.run(`UPDATE purses SET v = v - ${amount} WHERE id = ${from}`, [], limits);
      await db.run(`UPDATE purses SET v = v + ${amount} WHERE id = ${to}`, [], limits);
      await db.run('INSERT INTO moved VALUES ($1, $2, $3, $4, $5)', [worker, n, from, to, amount], limits);
      at('commit');
      return db.run('COMMIT', [], limits);
    },
    /** A transaction that failed before its COMMIT is not there, whatever is known of the call that failed. */
    after: ({ db, limits }) => db.run('ROLLBACK', [], limits).catch(() => undefined),
    judge: async (ops, read) => {
      const moved = await read('SELECT worker, n::INTEGER AS n FROM moved');
      const torn = await read(`SELECT id, v::INTEGER AS v, (${OPENING}
        - coalesce((SELECT sum(amount) FROM moved WHERE giver = id), 0)
        + coalesce((SELECT sum(amount) FROM moved WHERE taker = id), 0))::INTEGER AS should
        FROM purses WHERE v <> should`);
      const texts = torn.map(({ id, v, should }) => `purse ${id} holds ${v}, and was given ${should}`);
      return [...exactly(ops, moved), ...texts.map((text) => ({ what: 'torn', text }))];
    },
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

  /** A sum that never changes, and at least the own rows that were acknowledged before. */
  read: {
    tables: [],
    choose: (_random, acknowledged) => ({ least: acknowledged.append ?? 0 }),
    isRead: true,
    step: ({ db, worker, limits }) =>
      db.query(
        `SELECT (SELECT sum(v) FROM accounts)::INTEGER AS one, (SELECT sum(v) FROM purses)::INTEGER AS other,
          (SELECT count(*) FROM append WHERE worker = $1)::INTEGER AS own`,
        [worker],
        limits,
      ),
    judge: async (ops) => [
      ...merely(
        ops,
        ({ value: [{ one, other }] }) => one === OPENING * ACCOUNTS && other === OPENING * PURSES,
        'saw half a transfer',
      ),
      ...merely(ops, ({ value: [{ own }], args }) => own >= args.least, 'did not see an acknowledged row'),
    ],
  },
};
