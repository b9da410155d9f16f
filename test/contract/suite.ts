import { describe } from 'vitest';
import { abortContract } from './parts/abort.ts';
import { announcementContract } from './parts/announcements.ts';
import { errorContract } from './parts/errors.ts';
import { exactlyOnceContract } from './parts/exactly-once.ts';
import { groupContract } from './parts/groups.ts';
import { hiddenWriteContract } from './parts/hidden-writes.ts';
import { importContract } from './parts/imports.ts';
import { indexContract } from './parts/index.ts';
import { largeContract } from './parts/large.ts';
import { limitContract } from './parts/limits.ts';
import { outcomeContract } from './parts/outcomes.ts';
import { ownTablesContract } from './parts/own-tables.ts';
import { paramContract } from './parts/params.ts';
import { readOnlyContract } from './parts/read-only.ts';
import { sessionContract } from './parts/sessions.ts';
import { statementContract } from './parts/statements.ts';
import { streamContract } from './parts/streams.ts';
import { transactionContract } from './parts/transactions.ts';
import { valueContract } from './parts/values.ts';
import { type Connect, contractOver } from './place.ts';

/** What numbers its calls and changes owners by itself. */
export function describeOnce(name: string, connect: Connect): void {
  const contract = contractOver(connect);
  describe(name, () => {
    describe('announcements', () => announcementContract(contract));
    describe('exactly once', () => exactlyOnceContract(contract));
    describe('outcomes', () => outcomeContract(contract));
    describe('writes that a text hides', () => hiddenWriteContract(contract));
    describe('writes that arrive together', () => groupContract(contract));
    describe('tables of our own', () => ownTablesContract(contract));
  });
}

/** What holds for every caller of the method table, whatever lies between it and the engine. */
export function describeContract(name: string, connect: Connect): void {
  const contract = contractOver(connect);
  describe(name, () => {
    describe('values', () => valueContract(contract));
    describe('exports and imports', () => importContract(contract));
    describe('params', () => paramContract(contract));
    describe('statements', () => statementContract(contract));
    describe('errors', () => errorContract(contract));
    describe('streams', () => streamContract(contract));
    describe('abort', () => abortContract(contract));
    describe('answers of many rows', () => largeContract(contract));
    describe('rows over a limit', () => limitContract(contract));
    describe('transactions', () => transactionContract(contract));
    describe('read-only', () => readOnlyContract(contract));
    describe('sessions', () => sessionContract(contract));
    describe('index', () => indexContract(contract));
  });
}
