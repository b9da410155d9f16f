import { PondError } from '../errors.ts';
import { PROTOCOL_VERSION } from '../protocol.ts';
import type { Facts } from './facts.ts';
import { REPAIRS, type Repair } from './repairs.ts';
import { findVersionProblem } from './version-problems.ts';

/** What one look found. `next` is the safe next step, where there is one to take. */
export interface Finding {
  readonly ok: boolean;
  readonly detail: string;
  readonly next?: string;
  /** What --fix does about it. */
  readonly repair?: Repair;
}

type Check = (facts: Facts) => Finding;

const MB = 1024 * 1024;
/** A log worth a checkpoint: DuckDB itself writes it back at 16 MB. */
const LONG_LOG = 32 * MB;
/** DuckDB writes beside what it replaces: a checkpoint needs room for the log, and for blocks of the file. */
const ROOM = 64 * MB;

const fine = (detail: string): Finding => ({ ok: true, detail });
const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;

/** In the largest unit that leaves a whole number before the point. */
function size(bytes: number): string {
  const unit = UNITS.findLastIndex((_, i) => bytes >= 1024 ** (i + 1));
  return unit < 0 ? `${bytes} B` : `${(bytes / 1024 ** (unit + 1)).toFixed(1)} ${UNITS[unit]}`;
}

/** The table of checks, in the order in which they are told. */
export const CHECKS: readonly { readonly name: string; readonly check: Check }[] = [
  { name: 'file', check: checkFile },
  { name: 'holder', check: checkHolder },
  { name: 'owner', check: checkOwner },
  { name: 'lock', check: checkLock },
  { name: 'record', check: checkRecord },
  { name: 'socket', check: checkSockets },
  { name: 'folders', check: checkFolders },
  { name: 'wal', check: checkLog },
  { name: 'disk', check: checkDisk },
  { name: 'versions', check: checkVersions },
  { name: 'index', check: checkIndex },
];

function checkFile({ file, header, paths, record, recordIsDead }: Facts): Finding {
  if (!file)
    return {
      ok: false,
      detail: `there is no file ${paths.db}`,
      next: 'onepond index, or onepond sql, makes it',
    };
  if (!file.isFile())
    return { ok: false, detail: `${paths.db} is no file`, next: 'name a database file with --db' };
  const isRecorded = record === null || recordIsDead || file.ino === Number(record.inode);
  if (!isRecorded) {
    return {
      ok: false,
      detail: `${paths.db} is not the file that process ${record?.pid} opened`,
      next: `move the other file back, or end process ${record?.pid}`,
    };
  }
  if (header?.isDuckDB === false) {
    return {
      ok: false,
      detail: `${paths.db}, ${size(file.size)}, is no DuckDB file`,
      next: 'restore a copy, or name a database file with --db',
    };
  }
  return fine(`${paths.db}, ${size(file.size)}, inode ${file.ino}`);
}

function checkHolder({ holder, owner, lock }: Facts): Finding {
  if (!holder) return owner ? fine('the system lists no locks') : fine('nobody holds the file');
  const { pid, command, since } = holder;
  const who = `process ${pid}${command ? ` (${command})` : ''}${since ? ` since ${since.toISOString()}` : ''}`;
  if (holder.isStopped)
    return { ok: false, detail: `${who} holds the file and is stopped`, next: `kill -CONT ${pid}` };
  const isOurs =
    owner?.hello.pid === pid ||
    (lock.holder !== null && lock.holder !== 'damaged' && lock.holder.pid === pid);
  if (isOurs) return fine(`${who} holds the file, and serves it`);
  return {
    ok: false,
    detail: `${who} holds the file without onepond`,
    next: 'let it close the file, or open the file through onepond there',
  };
}

function checkOwner({ owner, refusal, record, recordIsDead }: Facts): Finding {
  if (owner) {
    const { hello, status } = owner;
    const busy = status.clients.reduce((sum, client) => sum + client.in_flight, 0);
    return fine(
      `process ${hello.pid} answers: epoch ${hello.epoch}, ${status.clients.length} clients, ${busy} calls under way`,
    );
  }
  if (refusal)
    return {
      ok: false,
      detail: refusal.message,
      next: refusal.hint ?? 'onepond status, with a longer --timeout',
    };
  return record && !recordIsDead
    ? {
        ok: false,
        detail: `process ${record.pid} lives and cannot be reached`,
        next: 'set ONEPOND_RUNTIME_DIR alike for all programs',
      }
    : fine('none: the next program that opens the file becomes it');
}

function checkLock({ lock, paths }: Facts): Finding {
  if (lock.holder === null) return fine('free');
  if (lock.holder === 'damaged')
    return {
      ok: false,
      detail: `${paths.lock} is unreadable`,
      next: 'the next owner clears it; or --fix',
      repair: REPAIRS.lock,
    };
  if (lock.isDead) {
    const detail = `held by process ${lock.holder.pid}, which is gone`;
    return { ok: false, detail, next: 'the next owner breaks it; or --fix', repair: REPAIRS.lock };
  }
  return fine(`held by process ${lock.holder.pid}`);
}

function checkRecord({ record, recordIsDead }: Facts): Finding {
  if (!record) return fine('none');
  if (!recordIsDead)
    return fine(`names process ${record.pid}, epoch ${record.epoch}, since ${record.startedAt}`);
  const detail = `names process ${record.pid}, which is gone`;
  return { ok: false, detail, next: 'the next owner replaces it; or --fix', repair: REPAIRS.record };
}

function checkSockets({ folders }: Facts): Finding {
  const sockets = folders.flatMap((folder) => folder.sockets);
  const dead = sockets.filter(({ isDead }) => isDead).map(({ path }) => path);
  if (dead.length === 0) return fine(sockets.map(({ path }) => path).join(', ') || 'none');
  return {
    ok: false,
    detail: `nobody listens on ${dead.join(', ')}`,
    next: 'harmless; --fix removes them',
    repair: REPAIRS.sockets,
  };
}

function checkFolders({ folders }: Facts): Finding {
  const open = folders.filter(({ stats }) => process.platform !== 'win32' && (stats.mode & 0o077) !== 0);
  if (open.length === 0) return fine(folders.map(({ path }) => path).join(', ') || 'none yet');
  const paths = open.map(({ path }) => path).join(' ');
  return {
    ok: false,
    detail: `${paths} is open to other users, so no socket in it is used`,
    next: `chmod 700 ${paths}; or --fix`,
    repair: REPAIRS.folders,
  };
}

function checkLog({ wal, owner, holder }: Facts): Finding {
  if (!wal) return fine('none: all is written back');
  if (owner === null && holder === null) return fine(`${size(wal.size)}, for the next owner to replay`);
  if (wal.size < LONG_LOG) return fine(size(wal.size));
  return {
    ok: false,
    detail: `${size(wal.size)}, to be replayed after a crash`,
    next: 'onepond sql CHECKPOINT',
  };
}

function checkDisk({ free, wal, paths }: Facts): Finding {
  if (free === null) return fine('the system does not tell');
  const needed = ROOM + 2 * (wal?.size ?? 0);
  if (free >= needed) return fine(`${size(free)} free`);
  return {
    ok: false,
    detail: `${size(free)} free beside ${paths.db}`,
    next: `make room: a checkpoint may need ${size(needed)}`,
  };
}

function checkVersions(facts: Facts): Finding {
  const problem = findVersionProblem(facts);
  if (problem) return { ok: false, ...problem };
  const { version, owner, header } = facts;
  const parts = [`onepond ${version}`, ...(owner ? [`owner ${owner.hello.version}`] : [])];
  const file = header ? [`file of DuckDB ${header.library || 'unknown'}`] : [];
  return fine(
    [...parts, `protocol ${PROTOCOL_VERSION}`, `Node ${process.versions.node}`, ...file].join(', '),
  );
}

function checkIndex({ owner, file }: Facts): Finding {
  if (!owner)
    return fine(
      file
        ? `not looked at: no owner to ask; the file was last changed ${file.mtime.toISOString()}`
        : 'not looked at: there is no file',
    );
  const { index } = owner;
  if (index instanceof PondError)
    return { ok: false, detail: index.message, next: index.hint ?? 'onepond index makes it again' };
  if (!index) return fine('this database holds none');
  const detail = `${index.root}: ${index.files} files, ${index.chunks} chunks, updated ${index.updated_at}, ${index.pending} pending`;
  if (index.watching === 'polling')
    return {
      ok: false,
      detail: `${detail}; watched by scans alone, so a change is seen some time later`,
      next: POLLING_NEXT,
    };
  return index.files > 0 || index.pending > 0
    ? fine(detail)
    : { ok: false, detail, next: `onepond index ${index.root}` };
}

const POLLING_NEXT =
  process.platform === 'linux'
    ? 'raise fs.inotify.max_user_watches or max_user_instances (sysctl), and watch again; search --fresh is exact'
    : 'search --fresh is exact';
