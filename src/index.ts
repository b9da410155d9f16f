/** onepond: many processes, one DuckDB. */

// For `AsyncDisposable`, in programs that name neither this lib nor Node's types.
/// <reference lib="esnext.disposable" preserve="true" />

export type { ErrorCode, ErrorData, Outcome } from './errors.ts';
export { PondError } from './errors.ts';
export type { OpenOptions } from './options.ts';
export type { Pond } from './pond.ts';
export { open } from './pond.ts';
export type {
  IndexEvents,
  OpenIndexOptions,
  ProjectIndex,
  SearchOptions,
  UpdateOptions,
} from './project-index.ts';
export { openIndex } from './project-index.ts';
export type {
  CallLimits,
  Candidacy,
  ClientStatus,
  Indexing,
  IndexStatus,
  Role,
  SearchHit,
  SearchMode,
  SearchResult,
  SkippedFile,
  StatusResult,
  UpdateProgress,
  UpdateResult,
  ValueForm,
  Watching,
} from './shapes.ts';
export type { QueryOptions, Row, RunOutcome, SqlParams, Statements, StreamOptions } from './statements.ts';
export type { Transaction, TransactionOptions } from './transaction.ts';
