/**
 * Named places where a test can kill or stop this process, end the owner's thread (`end`), or drop an answer.
 * `ONEPOND_FAILPOINTS` is a list of `name=action`, with `@chance` or with `#nth` passage:
 * `commit.done=kill#7,answer=drop@0.1`. Without it a place costs one comparison.
 */
export const FAILPOINTS = [
  /** Election, in its order. */
  'election.listening',
  'election.locked',
  'election.opened',
  'election.counted',
  'election.published',
  /** A write: its transaction is ready to commit; has committed. */
  'commit.ready',
  'commit.done',
  /** A call has come, and nothing of it is done. */
  'call',
  /** An answer is about to be sent. */
  'answer',
  /** Handover: calls are drained; record gone, file closed and lock let go; the last act. */
  'leave.drained',
  'leave.let-go',
  /** A batch of the index is ready to commit; has committed. */
  'index.ready',
  'index.done',
  /** A batch of the index is read, and is to be written; dropped, its update waits here until it is aborted. */
  'index.batch',
  /** A watch is about to begin. */
  'index.watch',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

const ACTIONS = ['kill', 'end', 'stop', 'drop'] as const;
type Action = (typeof ACTIONS)[number];

interface Setting {
  readonly action: Action;
  /** From 0 to 1. */
  readonly chance: number;
  /** Passages left until the one that is meant; undefined where each is. Counted by thread. */
  left: number | undefined;
}

const settings = parse(process.env.ONEPOND_FAILPOINTS);

/** True where the caller is to drop what it is about to do; a place that kills, ends or stops does so by itself. */
export function failpoint(name: Failpoint): boolean {
  if (settings === undefined) return false;
  const setting = settings.get(name);
  if (!setting || !isMeant(setting)) return false;
  if (setting.action === 'drop') return true;
  // In a worker thread it ends that thread alone, as an error or a full heap does: nothing of it is closed in peace.
  if (setting.action === 'end') process.exit(1);
  process.kill(process.pid, setting.action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  return false;
}

function isMeant(setting: Setting): boolean {
  return setting.left === undefined ? Math.random() < setting.chance : --setting.left === 0;
}

function parse(text: string | undefined): ReadonlyMap<string, Setting> | undefined {
  if (!text) return undefined;
  const entries = text.split(',').map((entry): [string, Setting] => {
    const [, name = '', action, chance = '1', nth] =
      /^([\w.-]+)=(\w+)(?:@([\d.]+)|#(\d+))?$/.exec(entry.trim()) ?? [];
    if (
      !(FAILPOINTS as readonly string[]).includes(name) ||
      !(ACTIONS as readonly (string | undefined)[]).includes(action)
    )
      throw new TypeError(`ONEPOND_FAILPOINTS: ${entry} is no failpoint`);
    const left = nth === undefined ? undefined : Number(nth);
    return [name, { action: action as Action, chance: Number(chance), left }];
  });
  return new Map(entries);
}
