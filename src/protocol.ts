import * as v from 'valibot';
import {
  CANDIDACIES,
  type IndexStatus,
  SEARCH_MODES,
  type SearchResult,
  type StatusResult,
  type UpdateProgress,
  type UpdateResult,
  VALUE_FORMS,
} from './shapes.ts';

/**
 * The one table of methods: name, shape of the params, and whether a call may be sent again to the next owner.
 * The engine's side and the reader's side both follow from it, and no wire name stands anywhere else.
 * `specs/protocol.md` shows every frame; a test holds the two together.
 */

/** Grows with every change that an older peer would misread. Peers with another number refuse each other. */
export const PROTOCOL_VERSION = 1;

/** Content bytes of one message, both ways. A larger one ends in TOO_LARGE, before anything is parsed. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Calls of one client that its owner works on at once. One more ends in TOO_LARGE. */
export const MAX_IN_FLIGHT = 1024;

/** Rows in one batch of a stream when the caller names no size: one DuckDB vector. */
export const DEFAULT_BATCH_SIZE = 2048;

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const flag = v.boolean();
/** valibot's own `record` drops the names `constructor`, `prototype` and `__proto__` without a word. */
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isRecordOfText = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
const maybe = <S extends v.GenericSchema>(schema: S) => v.exactOptional(schema);

/** A file by `st_dev` and `st_ino`, as decimal strings. */
interface AttachedFile {
  readonly device: string;
  readonly inode: string;
}
const isRecordOfFiles = (value: unknown): boolean =>
  isRecord(value) &&
  Object.values(value).every(
    (file) => isRecordOfText(file) && 'device' in (file as object) && 'inode' in (file as object),
  );

// -- who is who -----------------------------------------------------------------------------------------------

const HelloParams = v.strictObject({
  protocol: positive,
  version: text,
  /** Real path of the database the client means; the owner refuses another. */
  path: text,
  pid: count,
  /** What `status` shows for this client. */
  name: text,
  /** Names the client in the ledger, over all its connections. Without one its writes are announced, not recorded. */
  client: maybe(v.pipe(text, v.maxLength(64))),
  /** Answers each `$/began` by `$/confirmed`, and the owner waits for that. */
  confirms: maybe(v.boolean()),
  candidate: v.picklist(CANDIDACIES),
  readOnly: flag,
  /** Further files that the owner is to attach, real paths by name. */
  attach: maybe(v.custom<Readonly<Record<string, string>>>(isRecordOfText)),
  /** What an earlier owner said of these files: another in the place of one is not taken for it, and none is made. */
  attached: maybe(v.custom<Readonly<Record<string, AttachedFile>>>(isRecordOfFiles)),
});
export type HelloParams = v.InferOutput<typeof HelloParams>;

export interface HelloResult {
  readonly protocol: number;
  readonly version: string;
  readonly path: string;
  /** `st_dev` and `st_ino` of the database file, as decimal strings: they may exceed 2^53. */
  readonly device: string;
  readonly inode: string;
  readonly pid: number;
  /** Start of the owner's process in the kernel's ticks since boot; null where the system does not tell. */
  readonly startTime: string | null;
  /** Names this ownership; no two owners ever share it. */
  readonly instance: string;
  readonly epoch: number;
  /** Number of this session, from 1. */
  readonly session: number;
  /** The files of `attach`, by name. */
  readonly attached?: Readonly<Record<string, AttachedFile>>;
}

// -- SQL ------------------------------------------------------------------------------------------------------

/** Params in their wire form (src/values.ts). */
const WireParams = v.union([v.array(v.unknown()), v.custom<Readonly<Record<string, unknown>>>(isRecord)]);
export type WireParams = v.InferOutput<typeof WireParams>;

const statement = {
  sql: text,
  params: maybe(WireParams),
  /** The client's own number for this call, growing. With the client's name it says which call this is for ever. */
  call: maybe(count),
  /** Every call of this client up to this number has its answer, and will not be sent again. */
  settled: maybe(count),
  /**
   * The call was sent to an earlier owner, which went before it answered: it is done once all the same.
   * `in-transaction`: inside a transaction that went with that owner; then only what was committed counts.
   */
  sent: maybe(v.picklist(['before', 'in-transaction'])),
  /** Beside `sent`: the epoch of the first owner that the call was sent to. What the ledger forgot by then is unknown. */
  firstEpoch: maybe(count),
};

/** The forms of a row on the wire: those of the library, and `text`, in which each value is as SQL writes it. */
const WIRE_FORMS = [...VALUE_FORMS, 'text'] as const;
export type WireForm = (typeof WIRE_FORMS)[number];

const QueryParams = v.strictObject({
  ...statement,
  values: maybe(v.picklist(WIRE_FORMS)),
  maxRows: maybe(count),
});
export type QueryParams = v.InferOutput<typeof QueryParams>;

/** Rows column by name, values in wire form. */
export interface RowBatch {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}
/** True where the session is inside an explicit transaction once the statement is done. */
interface Transactional {
  readonly inTransaction: boolean;
}
export type QueryResult = RowBatch &
  Transactional & {
    /** With `values: 'text'`: the columns' types. Absent in an answer that was recorded by an earlier attempt. */
    readonly types?: readonly string[];
  };

const RunParams = v.strictObject({
  ...statement,
  /** Begins the session anew before the statement: its settings, temporary tables and open transaction are gone. */
  fresh: maybe(flag),
});
export type RunParams = v.InferOutput<typeof RunParams>;
export interface RunResult extends Transactional {
  readonly rowsChanged: number;
  readonly epoch: number;
  /** True where the answer was recorded by an earlier attempt of the same call. */
  readonly replayed: boolean;
}

const StreamOpenParams = v.strictObject({
  ...statement,
  values: maybe(v.picklist(WIRE_FORMS)),
  /** Refuse any statement that does more than read, with READ_ONLY, before it runs. */
  onlyReads: maybe(flag),
});
export type StreamOpenParams = v.InferOutput<typeof StreamOpenParams>;
export interface StreamOpenResult {
  readonly cursor: number;
  readonly names: readonly string[];
  /** With `values: 'text'`: the columns' types. */
  readonly types?: readonly string[];
}
const StreamNextParams = v.strictObject({
  cursor: count,
  batchSize: v.pipe(positive, v.maxValue(1_000_000)),
});
export type StreamNextParams = v.InferOutput<typeof StreamNextParams>;
export interface StreamNextResult {
  readonly rows: readonly (readonly unknown[])[];
  readonly done: boolean;
}
const StreamCloseParams = v.strictObject({ cursor: count });

// -- the index ------------------------------------------------------------------------------------------------

const UpdateParams = v.strictObject({
  /** Absolute real path of the tree. */
  root: text,
  /** Files or folders below root, relative to it, `/`-separated; absent: all. */
  paths: maybe(v.array(text)),
  /** Read every file again, whatever its size and mtime say. */
  full: maybe(flag),
  /** Where the client wants `$/progress`. */
  progress: maybe(count),
});
export type UpdateParams = v.InferOutput<typeof UpdateParams>;

/** Characters of one query, one glob, one list of languages, and how many of the latter a search takes. */
const [MAX_QUERY, MAX_GLOB, MAX_LANGUAGES, MAX_FILTERS] = [65_536, 4096, 1024, 1000];
const listOf = (characters: number) =>
  v.pipe(v.array(v.pipe(text, v.maxLength(characters))), v.maxLength(MAX_FILTERS));

const SearchParams = v.strictObject({
  query: v.pipe(text, v.maxLength(MAX_QUERY)),
  /** Hits at most; 10 unless told. */
  limit: maybe(v.pipe(positive, v.maxValue(1000))),
  /** Globs over the path relative to root; a hit matches one of them. */
  path: maybe(listOf(MAX_GLOB)),
  /** Language names as in `lang` of a hit. */
  lang: maybe(listOf(MAX_LANGUAGES)),
  /** `ranked` unless told; `literal` and `regex` below are another way to say it, and must not contradict. */
  mode: maybe(v.picklist(SEARCH_MODES)),
  /** The query is one exact string, case and all. */
  literal: maybe(flag),
  /** The query is a regular expression (RE2). */
  regex: maybe(flag),
  /** Lines around each matching line in the snippet; 2 unless told. */
  context: maybe(v.pipe(count, v.maxValue(100))),
  /** Say how each hit came by its score. */
  explain: maybe(flag),
});
export type SearchParams = v.InferOutput<typeof SearchParams>;

const WatchParams = v.strictObject({
  root: text,
  /** The client's own number for this watch, by which it lets go of it; 0 unless told. Asked for twice it is one. */
  watch: maybe(count),
});
export type WatchParams = v.InferOutput<typeof WatchParams>;
const UnwatchParams = v.strictObject({ watch: maybe(count) });

// -- the owner --------------------------------------------------------------------------------------------------

const Nothing = v.strictObject({});

const StandbyParams = v.strictObject({
  /** Where the successor will listen: other readers dial it when this owner goes. */
  socket: text,
  /** The client is of a newer version, and asks to take over now: the owner names it, and leaves. */
  now: maybe(flag),
});
export type StandbyParams = v.InferOutput<typeof StandbyParams>;

/** How a call fares when its owner goes before it was answered. */
export type Replay =
  /** Harmless to repeat: sent again to the next owner. */
  | 'always'
  /** Sent again unless the owner had announced, by `$/began`, that it starts to change data. */
  | 'unless-begun'
  /** Means something to one session only: ends in OWNER_LOST. */
  | 'never';

interface Method {
  readonly params: v.GenericSchema;
  readonly replay: Replay;
}

export const METHODS = {
  hello: { params: HelloParams, replay: 'never' },
  /** Answered by the owner's event loop alone: shows that it lives while a query runs. */
  ping: { params: Nothing, replay: 'never' },
  query: { params: QueryParams, replay: 'unless-begun' },
  run: { params: RunParams, replay: 'unless-begun' },
  'stream/open': { params: StreamOpenParams, replay: 'unless-begun' },
  'stream/next': { params: StreamNextParams, replay: 'never' },
  'stream/close': { params: StreamCloseParams, replay: 'never' },
  'index/update': { params: UpdateParams, replay: 'always' },
  'index/search': { params: SearchParams, replay: 'always' },
  'index/status': { params: Nothing, replay: 'always' },
  'index/watch': { params: WatchParams, replay: 'always' },
  'index/unwatch': { params: UnwatchParams, replay: 'always' },
  status: { params: Nothing, replay: 'always' },
  /** From the named successor, or from a newer version that asks to be: its worker is warm. */
  standby: { params: StandbyParams, replay: 'never' },
  /** The owner answers, then leaves. */
  stop: { params: Nothing, replay: 'never' },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = v.InferOutput<(typeof METHODS)[M]['params']>;

interface Results {
  hello: HelloResult;
  ping: Record<string, never>;
  query: QueryResult;
  run: RunResult;
  'stream/open': StreamOpenResult;
  'stream/next': StreamNextResult;
  'stream/close': Record<string, never>;
  'index/update': UpdateResult;
  'index/search': SearchResult;
  'index/status': IndexStatus | null;
  'index/watch': Record<string, never>;
  'index/unwatch': Record<string, never>;
  status: StatusResult;
  standby: Record<string, never>;
  stop: { readonly pid: number };
}
export type Result<M extends MethodName> = Results[M];

/** What the owner says unasked. Each is a notification: nobody answers it. */
export interface Notices {
  /** Call `call` is about to change data; from here on it cannot be sent again. */
  '$/began': { readonly call: number };
  '$/progress': { readonly token: number; readonly value: UpdateProgress };
  /** Who takes over when this owner goes, and where it listens. `you` is for the one that is to get ready. */
  '$/successor': { readonly pid: number | null; readonly socket: string | null; readonly you: boolean };
  /** Before the hello is answered: an election is under way; `heldBy` is a foreign process that has the file. */
  '$/electing': { readonly pid: number; readonly heldBy: number | null };
  /** The owner has left in peace. It did not die under the calls that it has not answered. */
  '$/left': Record<string, never>;
}
export type NoticeName = keyof Notices;

/**
 * A client has received the `$/began` of its call: now it may begin, or, with `refused`, it may not, because its
 * caller has given it up. The one notice that goes the other way.
 */
export const CONFIRMED = '$/confirmed';

/** One method of a {@link Service}: what a call may carry beside its params. */
export interface CallContext {
  readonly signal: AbortSignal;
}
/** An object with the methods of the table: the engine's side is one, the connection to an owner is another. */
export type Service = {
  readonly [M in MethodName]: (params: Params<M>, context: CallContext) => Promise<Results[M]>;
};

/** A service past its hello: what a session offers. */
export type Calls = Omit<Service, 'hello'>;

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}
