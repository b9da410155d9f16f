/**
 * What a caller of the library sees of its calls and their answers: plain types. The package's declarations come
 * down to these, so nothing is imported here; the table of methods refers to them.
 */

// -- a handle -------------------------------------------------------------------------------------------------

export const CANDIDACIES = ['prefer', 'willing', 'never'] as const;
export type Candidacy = (typeof CANDIDACIES)[number];

export type Role = 'owner' | 'reader' | 'electing' | 'closed';

export interface RouterEvents {
  role: [role: Role];
  'owner-found': [owner: { readonly pid: number; readonly epoch: number }];
  'owner-lost': [owner: { readonly pid: number; readonly epoch: number }];
  /** The lock was taken away from this process's owner while its fence stood. */
  compromised: [];
}

export interface CallLimits {
  readonly signal?: AbortSignal | undefined;
  /** Ms for the whole call, waiting included. Without one a call may run for ever, as long as its owner lives. */
  readonly timeout?: number | undefined;
}

/** The three forms of a row, by the method of `@duckdb/node-api` that gives it. */
export const VALUE_FORMS = ['js', 'duckdb', 'json'] as const;
export type ValueForm = (typeof VALUE_FORMS)[number];

// -- the index ------------------------------------------------------------------------------------------------

export interface SkippedFile {
  readonly path: string;
  readonly reason: 'binary' | 'too-large' | 'unreadable';
}

export interface UpdateResult {
  readonly root: string;
  readonly db: string;
  /** Files in the index after the update. */
  readonly files: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly unchanged: number;
  /** Files that were seen and not indexed. `skippedFiles` names the unreadable ones, at most 100. */
  readonly skipped: number;
  readonly skippedFiles: readonly SkippedFile[];
  /** Chunks in the index after the update. */
  readonly chunks: number;
  /** Bytes of text in the index after the update. */
  readonly bytes: number;
  readonly ms: number;
  readonly generation: number;
}

export interface UpdateProgress {
  readonly phase: 'walk' | 'index' | 'sort';
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export const SEARCH_MODES = ['ranked', 'literal', 'regex'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

/** A first update of the whole tree is under way: what is not found may be in what is left. */
export interface Indexing {
  readonly files: number;
  /** Files found so far, while the tree is still being walked. 0 before that. */
  readonly total: number;
}

/** True where the system tells of each change; `polling` where the tree is scanned from time to time instead. */
export type Watching = boolean | 'polling';

export interface SearchHit {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly score: number;
  readonly lang: string;
  /** The definition that the hit stands in or begins, or null. */
  readonly symbol: string | null;
  readonly snippet: string;
  /** Line number in the file, from 1, of the snippet's first line. */
  readonly snippet_line: number;
  /** Line numbers in the file, from 1, that hold a word of the query. */
  readonly match_lines: readonly number[];
  /** With `explain`: each term's share of the score. */
  readonly explain?: readonly { readonly term: string; readonly score: number }[];
  /** The file has changed since it was indexed, or is gone: lines and snippet are those of before. */
  readonly stale?: true;
}

export interface SearchResult {
  readonly query: string;
  /** The tree that the paths of the hits are relative to. */
  readonly root: string;
  readonly generation: number;
  /** Files known to be not yet indexed as they are now. */
  readonly pending: number;
  /** Only while the first update of the tree runs. */
  readonly indexing?: Indexing;
  /** Whether the index is being kept fresh at this moment. */
  readonly watching: Watching;
  /** When the files of the hits were compared with the index. ISO 8601, UTC. */
  readonly checked_at: string;
  readonly ms: number;
  readonly hits: readonly SearchHit[];
}

export interface IndexStatus {
  readonly root: string;
  readonly files: number;
  readonly chunks: number;
  readonly generation: number;
  readonly pending: number;
  /** ISO 8601, UTC. */
  readonly updated_at: string;
  /** An update of the whole tree has ended. Until then a file that is missing looks as if it were not there. */
  readonly complete: boolean;
  /** Only while the first update of the tree runs. */
  readonly indexing?: Indexing;
  readonly watching: Watching;
}

// -- the owner --------------------------------------------------------------------------------------------------

export interface ClientStatus {
  readonly pid: number;
  readonly name: string;
  readonly since: string;
  readonly in_flight: number;
}

/** What the system tells of a database file, which needs no owner. */
export interface FileStatus {
  /** With its write-ahead log. */
  readonly bytes: number;
  /** ISO 8601, UTC. */
  readonly changed_at: string;
}

export interface StatusResult {
  readonly db: string;
  /** From `onepond status`, which looks for itself; null where there is no file. */
  readonly file?: FileStatus | null;
  readonly owner: {
    readonly pid: number;
    readonly epoch: number;
    readonly started_at: string;
    readonly version: string;
    readonly socket: string;
    /** The owner's worker thread within its process. */
    readonly thread: number;
  } | null;
  readonly clients: readonly ClientStatus[];
  readonly index: IndexStatus | null;
}
