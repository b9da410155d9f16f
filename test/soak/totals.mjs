import { WORKLOADS } from './workloads.mjs';

const FAULTS = [
  'duplicate',
  'lost',
  'ghost',
  'torn',
  'wrong',
  'fence',
  'error',
  'hung',
  'late',
  'index',
  'crash',
];

/** The figures of one round. */
export function totalsOf({ ops, wrong, members, fence }) {
  const writes = ops.filter(({ load }) => WORKLOADS[load] && !WORKLOADS[load].isRead);
  const count = (list, holds) => list.filter(holds).length;
  const dead = members.filter(({ ending }) => ['SIGKILL', 'SIGTERM', 'SIGABRT'].includes(ending.signal));
  const heard = {};
  for (const { error } of ops) {
    const name = error && [error.code, error.data?.outcome].filter(Boolean).join('/');
    if (name) heard[name] = (heard[name] ?? 0) + 1;
  }
  const points = {};
  for (const { gear, wasEnded } of dead)
    if (!wasEnded && gear.point) points[gear.point] = (points[gear.point] ?? 0) + 1;
  return {
    processes: members.length,
    kills: dead.length,
    points,
    heard,
    stops: count(members, ({ wasStopped }) => wasStopped),
    owners: fence.holders.length,
    calls: ops.length,
    writes: count(writes, ({ fate }) => fate === 'done'),
    replays: count(writes, ({ value }) => value?.replayed === true),
    failed: count(writes, ({ fate }) => fate === 'not'),
    open: count(writes, ({ fate }) => fate === 'open'),
    ...Object.fromEntries(FAULTS.map((what) => [what, count(wrong, (one) => one.what === what)])),
  };
}

export function sum(all) {
  const total = { points: {}, heard: {} };
  for (const { points, heard, ...figures } of all) {
    add(total, figures);
    add(total.points, points);
    add(total.heard, heard);
  }
  return total;
}

function add(total, figures) {
  for (const [name, n] of Object.entries(figures)) total[name] = (total[name] ?? 0) + n;
}

export function textOf({ points, heard, ...figures }) {
  const list = (rows) =>
    Object.entries(rows)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ');
  return [list(figures), `errors: ${list(heard)}`, `died at: ${list(points)}`].join('\n  ');
}
