// A program that uses onepond or DuckDB, driven by its parent: {id, op, args} in, {id, value | error} out.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { queryAt } from '../tree.mjs';

const fromPackage = (path) => import(pathToFileURL(join(process.argv[2], path)));
const { open, openIndex } = await fromPackage('dist/index.js');

let db;
let index;
/** Of DuckDB itself, without onepond. */
let connection;
let handles = [];
let stop = () => undefined;
const searching = { count: 0, epoch: 0, since: 0n, waiting: [] };

/** Times in ms of so many calls, one after the other. */
async function timed(count, call) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await call(i);
    times.push(performance.now() - began);
  }
  return times;
}

const driver = () => fromPackage('node_modules/@duckdb/node-api/lib/index.js');
const paramsAt = (points) => (points ? [Math.floor(Math.random() * points)] : undefined);

const OPS = {
  async open(file, options) {
    db = await open(file, options);
    return db.role;
  },
  async openIndex(root, options) {
    index = await openIndex(root, options);
    db = index.db;
    return db.role;
  },
  run: async (sql) => (await db.run(sql)).rowsChanged,
  status: () => db.status(),
  update: (options) => index.update(options),
  search: (text) => index.search(text),
  close: () => (index ?? db).close(),

  /** One call: a row by `$1` below `points`, or a statement without parameters. */
  routed: (count, sql, points) => timed(count, () => db.query(sql, paramsAt(points))),
  searches: (count, first) => timed(count, (i) => index.search(queryAt(first + i))),

  /** Searches one after the other for so many ms; the time of each. */
  async searchesFor(duration) {
    const times = [];
    const end = performance.now() + duration;
    for (let i = 0; performance.now() < end; i++)
      times.push(...(await timed(1, () => index.search(queryAt(i)))));
    return times;
  },

  async openMany(count, file, options) {
    handles = await Promise.all(Array.from({ length: count }, () => open(file, options)));
  },
  /** Ms for so many rows by each handle, all at once. */
  async writeMany(count, sql) {
    const began = performance.now();
    await Promise.all(
      handles.map(async (handle, who) => {
        for (let n = 0; n < count; n++) await handle.run(sql, [who, n, `row ${n}`]);
      }),
    );
    return performance.now() - began;
  },
  async writeDirect(count, sql) {
    const began = performance.now();
    for (let n = 0; n < count; n++) await connection.run(sql, [0, n, `row ${n}`]);
    return performance.now() - began;
  },

  /** Keeps the owner busy until `stop`. */
  updateOn: () => keepOn((signal) => index.update({ full: true, signal })),
  queryOn: (sql) => keepOn((signal) => db.query(sql, [], { signal })),
  stop: () => stop(),

  async openDirect(file, sql) {
    const { DuckDBInstance } = await driver();
    connection = await (await DuckDBInstance.create(file)).connect();
    if (sql) await connection.run(sql);
  },
  direct: (count, sql, points) =>
    timed(count, async () => (await connection.runAndReadAll(sql, paramsAt(points))).getRowObjectsJS()),
  /** As a program does that shares its file by opening it for each query. */
  async openEach(count, file, sql, points) {
    const { DuckDBInstance } = await driver();
    return timed(count, async () => {
      const instance = await DuckDBInstance.create(file);
      const own = await instance.connect();
      (await own.runAndReadAll(sql, paramsAt(points))).getRowObjectsJS();
      own.closeSync();
      instance.closeSync();
    });
  },

  /** Searches without a pause, for as long as the process lives. */
  searchOn() {
    void (async () => {
      for (let i = process.pid; ; i++) {
        await index.search(queryAt(i));
        note();
      }
    })();
  },
  /** Settles after so many further answers. */
  answers: (count) => new Promise((done) => searching.waiting.push({ at: searching.count + count, done })),
  /** When the first answer of an owner later than `epoch` came, on the machine's monotonic clock, in ns. */
  answeredAfter: (epoch) =>
    new Promise((done) => searching.waiting.push({ epoch, done: () => done(String(searching.since)) })),
  epoch: () => db.epoch,
};

/** Starts `work` again and again; `stop` ends it and waits for that. */
function keepOn(work) {
  const controller = new AbortController();
  const ended = (async () => {
    while (!controller.signal.aborted) await work(controller.signal).catch(() => undefined);
  })();
  stop = () => {
    controller.abort();
    return ended;
  };
}

function note() {
  searching.count++;
  if (db.epoch !== searching.epoch) {
    searching.epoch = db.epoch;
    searching.since = process.hrtime.bigint();
  }
  searching.waiting = searching.waiting.filter(({ at = 0, epoch = -1, done }) => {
    const isDue = searching.count >= at && searching.epoch > epoch;
    if (isDue) done();
    return !isDue;
  });
}

process.on('message', async ({ id, op, args }) => {
  try {
    process.send({ id, value: (await OPS[op](...args)) ?? null });
  } catch (error) {
    process.send({ id, error: `${op}: ${error.code ?? ''} ${error.message}` });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
