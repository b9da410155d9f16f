import { GUESTS } from './workloads/guests.mjs';
import { ROWS } from './workloads/rows.mjs';
import { SESSIONS } from './workloads/sessions.mjs';
import { SUMS } from './workloads/sums.mjs';

/**
 * What the workers do, one row a workload:
 * - `tables`, `sideTables`: made once, before the first worker; the latter in the file that some attach
 * - `on`: the handle that its steps use (default `shared`). A family names the ones that its workers open.
 *   `alone` holds transactions open between calls; `reader` is read-only; `attached` has the second file attached;
 *   `slow` has a handle for what takes seconds; `rival` opens the second file for itself
 * - `choose`: the step's own values, which go into the history before the step
 * - `step`: one call, or one transaction; what it returns is the acknowledged result
 * - `errors`: codes that a step may end in, beside those of the family
 * - `judge`: gets the operations of the history, `read`, which asks the final database, and
 *   `{ readSide, folder }`; returns what is wrong
 */
export const WORKLOADS = { ...ROWS, ...SUMS, ...SESSIONS, ...GUESTS };

/** Names of the workloads that use a handle. */
export const loadsOn = (handle) =>
  Object.keys(WORKLOADS).filter((load) => (WORKLOADS[load].on ?? 'shared') === handle);
