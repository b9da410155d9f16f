const nameOf = ({ worker, n }) => `${worker} ${n}`;

/** Rows that name their operation: one for each that is done, none for one that is not, never two. */
export function exactly(ops, rows) {
  const counts = new Map();
  for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  const wrong = [];
  for (const op of ops) {
    const count = counts.get(nameOf(op)) ?? 0;
    counts.delete(nameOf(op));
    const text = `${op.load} ${nameOf(op)}: ${count} rows, and its caller heard ${op.heard}`;
    if (count > 1) wrong.push({ what: 'duplicate', text });
    else if (op.fate === 'done' && count === 0) wrong.push({ what: 'lost', text });
    else if (op.fate === 'not' && count === 1) wrong.push({ what: 'ghost', text });
  }
  for (const name of counts.keys()) wrong.push({ what: 'ghost', text: `${name}: a row that nobody wrote` });
  return wrong;
}

/** Rows of one transaction, each named by its operation and a part: all of them, or none. */
export function whole(rows, size) {
  const counts = new Map();
  for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count !== size)
    .map(([name, count]) => ({
      what: 'torn',
      text: `${name}: ${count} of the ${size} rows of its transaction`,
    }));
}

/** Something that holds of every acknowledged result. */
export function merely(ops, holds, text) {
  const answered = ops.filter(({ value }) => value !== undefined);
  return answered
    .filter((op) => !holds(op))
    .map((op) => ({ what: 'wrong', text: `${op.load} ${nameOf(op)} ${text}: ${JSON.stringify(op.value)}` }));
}

/** More open transfers than this are not tried in all combinations. */
const COMBINED = 12;

/** The sum is what it was; and each balance follows from the transfers that are done and some of the open ones. */
export function balances(ops, rows, opening) {
  const sum = rows.reduce((total, { v }) => total + v, 0);
  if (sum !== opening * rows.length) return [{ what: 'torn', text: `the accounts sum up to ${sum}` }];
  const left = rows.map(({ v }) => v - opening);
  for (const { args } of ops.filter(({ fate }) => fate === 'done')) apply(left, args, -1);
  const open = ops.filter(({ fate }) => fate === 'open');
  if (open.length > COMBINED || isExplained(left, open)) return [];
  const what =
    open.length === 0 ? 'they differ' : `${open.length} open transfers do not explain the difference`;
  return [{ what: 'lost', text: `balances against the acknowledged transfers: ${what}: ${left}` }];
}

function apply(left, { from, to, amount }, sign) {
  left[from] -= sign * amount;
  left[to] += sign * amount;
}

function isExplained(left, [first, ...rest]) {
  if (!first) return left.every((v) => v === 0);
  const taken = [...left];
  apply(taken, first.args, -1);
  return isExplained(left, rest) || isExplained(taken, rest);
}
