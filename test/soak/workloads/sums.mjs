import { balances, exactly, merely } from '../checks.mjs';
import { rollBack } from './sessions.mjs';

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

/** Sums that never change, and counters. */
export const SUMS = {
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
    on: 'alone',
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
    after: rollBack,
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
