import { StatementType } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import type { StatementInfo } from './statements.ts';

/** What DuckDB's read-only transactions let through, and a read-only handle may not do all the same. */
const NOT_FOR_READERS: ReadonlySet<StatementType> = new Set([
  StatementType.TRANSACTION,
  StatementType.ATTACH,
  StatementType.DETACH,
  StatementType.COPY,
  StatementType.COPY_DATABASE,
  StatementType.EXPORT,
  StatementType.LOAD,
  StatementType.EXTENSION,
  StatementType.UPDATE_EXTENSIONS,
  StatementType.VACUUM,
]);

/** Before anything is prepared: DuckDB makes the folder of an EXPORT and opens the file of a COPY in planning it. */
export function refuseFiles(text: string): void {
  const first = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/|;)*(copy|export|import)\b/i.exec(text)?.[1];
  if (first !== undefined)
    throw new PondError('READ_ONLY', `a read-only handle may not ${first.toUpperCase()}`);
}

/** Statements that carry another one in them, which DuckDB does not tell the type of. */
const CARRIERS: ReadonlySet<StatementType> = new Set([StatementType.EXPLAIN, StatementType.PREPARE]);
const WRITES_FILES = /\b(?:copy|export|import|attach|detach)\b/i;

export function refuseForReaders({ type, text }: StatementInfo): void {
  if (!NOT_FOR_READERS.has(type) && !(CARRIERS.has(type) && WRITES_FILES.test(text))) return;
  throw new PondError('READ_ONLY', `a read-only handle may not run this ${StatementType[type]} statement`);
}
