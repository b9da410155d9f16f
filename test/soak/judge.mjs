import { operationsOf } from './history.mjs';
import { WORKLOADS } from './workloads.mjs';

/** Codes that a call may end in when owners come and go, and none of them stands still. */
const USUAL = ['OWNER_LOST', 'TIMEOUT'];
/** Beyond its deadline a call may take this long, in ms: a busy machine is not what is tried here. */
const GRACE = 5_000;

/**
 * What is wrong with a history, each as `{ what, text }`.
 * @param final asks the final databases: `read`, `readSide`; `folder` is where nothing may lie
 */
export async function judge({ members, violations, stuck, timeout, errors }, final) {
  const ops = operationsOf(members);
  const wrong = [...violations];
  for (const [load, { judge: judgeLoad }] of Object.entries(WORKLOADS)) {
    const own = ops.filter((op) => op.load === load);
    wrong.push(...(await judgeLoad(own, final.read, final)));
  }
  for (const { name, pid } of stuck)
    wrong.push({ what: 'hung', text: `${name} (${pid}) did not come to its end` });
  for (const { name, ending, said } of members.filter(isCrashed))
    wrong.push({
      what: 'crash',
      text: `${name} ended by ${ending.signal ?? `code ${ending.code}`}: ${said.join('')}`,
    });
  wrong.push(
    ...errorsOf(ops, members, [...USUAL, ...errors]),
    ...unsettled(ops, timeout),
    ...epochs(ops, members),
  );
  return { ops, wrong };
}

/**
 * Ended by nobody's hand. DuckDB's driver (1.5.6) aborts the process where a thread ends while a call of the driver
 * is under way in it, as one that no interrupt reaches: such a process has died at its point, or in its exit.
 */
const isCrashed = ({ gear, wasEnded, ending: { code, signal } }) => {
  if (signal === 'SIGABRT' && (gear.endsThread || wasEnded)) return false;
  return signal === null ? code !== 0 : signal !== 'SIGKILL' && signal !== 'SIGTERM';
};

/** Each error is a PondError with a code that belongs here. */
function errorsOf(ops, members, codes) {
  const refusals = members.flatMap(({ name, events }) =>
    events.filter(({ e }) => e === 'refused').map(({ error }) => ({ who: `open of ${name}`, error })),
  );
  const failures = ops
    .filter(({ error }) => error)
    .map(({ worker, n, load, error }) => ({
      who: `${load} ${worker} ${n}`,
      error,
      own: WORKLOADS[load]?.errors ?? [],
    }));
  return [...refusals, ...failures]
    .filter(
      ({ error, own = [] }) =>
        !error.isPond || !([...codes, ...own].includes(error.code) || isConflict(error)),
    )
    .map(({ who, error }) => ({
      what: 'error',
      text: `${who}: ${error.kind} ${error.code}: ${error.message}`,
    }));
}

/** Two explicit transactions changed one row: one of them hears of it. */
const isConflict = ({ code, data, message }) =>
  code === 'SQL' && data?.kind === 'Transaction' && /conflict/i.test(message);

/** Every call is settled by its deadline, unless its own process was killed, or stood still. */
function unsettled(ops, timeout) {
  const wrong = [];
  for (const { member, worker, n, load, begun, ended } of ops) {
    const { code } = member.ending;
    if (ended === undefined && code === 0 && !member.wasEnded && member.events.at(-1)?.e === 'over')
      wrong.push({ what: 'hung', text: `${load} ${worker} ${n} was never settled` });
    // A transaction by hand is several calls, an update has four times the time.
    const most = 7 * timeout + GRACE;
    const limit = WORKLOADS[load]?.on === 'alone' || load === 'index' ? most : timeout + GRACE;
    if (!member.wasStopped && ended - begun > limit)
      wrong.push({ what: 'late', text: `${load} ${worker} ${n} took ${Math.round(ended - begun)} ms` });
  }
  return wrong;
}

/** One process an epoch, and no answer from an earlier owner than one that had answered before it was asked. */
function epochs(ops, members) {
  const wrong = [];
  const owners = new Map();
  for (const { epoch, pid } of members.flatMap(({ events }) => events.filter(({ e }) => e === 'owner'))) {
    const known = owners.get(epoch) ?? pid;
    if (known !== pid) wrong.push({ what: 'fence', text: `epoch ${epoch} is of ${known} and of ${pid}` });
    owners.set(epoch, known);
  }
  const told = ops.filter(({ value }) => value?.epoch !== undefined);
  const byEnd = [...told].sort((a, b) => a.ended - b.ended);
  let latest = 0;
  let at = 0;
  for (const { worker, n, load, begun, value } of [...told].sort((a, b) => a.begun - b.begun)) {
    while (at < byEnd.length && byEnd[at].ended < begun) latest = Math.max(latest, byEnd[at++].value.epoch);
    if (value.epoch < latest)
      wrong.push({ what: 'fence', text: `${load} ${worker} ${n}: epoch ${value.epoch} after ${latest}` });
  }
  return wrong;
}
