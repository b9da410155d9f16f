import { WORKLOADS } from './workloads.mjs';

/**
 * The operations of a crew, from what its members wrote down. An operation's fate is what its caller may believe:
 * `done`, `not` done, or `open`, where it may be either.
 */
export function operationsOf(members) {
  return members.flatMap((member) => {
    const ops = new Map();
    for (const event of member.events) {
      const { e, t, n, load, args } = event;
      const op = ops.get(n);
      if (e === 'begin')
        ops.set(n, { member, worker: member.name, n, load, args, begun: t, fate: 'open', heard: 'nothing' });
      else if (e === 'end')
        Object.assign(op, { ended: t, fate: 'done', heard: 'an answer', value: event.value });
      else if (e === 'fail') Object.assign(op, { ended: t, ...failed(op, event) });
    }
    return [...ops.values()];
  });
}

const FATES = { committed: 'done', 'not-committed': 'not', unknown: 'open' };

/** An error without an outcome says that nothing was done. */
function failed({ load }, { error, place }) {
  const { code, message, data } = error;
  const outcome = data?.outcome;
  // Whatever became of a call inside: a transaction that was never asked to commit is not there.
  const isUnasked = WORKLOADS[load]?.on === 'alone' && place !== 'commit';
  const heard = `${code}${outcome ? `, ${outcome}` : ''} at ${place} (${message})`;
  return { fate: isUnasked ? 'not' : (FATES[outcome] ?? 'not'), heard, error };
}
