import { PondError } from '../errors.ts';
import { addDetail } from './print.ts';
import { drawPlace, placeOf } from './source-line.ts';
import type { ScriptStatement } from './split-script.ts';
import { rollsBack } from './statement-words.ts';

/** What has become of the statements of a script, for the error of the one that fails. */
export class ScriptProgress {
  readonly #sql: string;
  readonly #statements: readonly ScriptStatement[];
  /** Statements that are done whatever comes, and those in the transaction that is open. */
  #done = 0;
  #open = 0;
  #rolledBack = 0;

  constructor(sql: string, statements: readonly ScriptStatement[]) {
    this.#sql = sql;
    this.#statements = statements;
  }

  /** @param inTransaction once the statement is done */
  note(statement: ScriptStatement, inTransaction: boolean): void {
    if (inTransaction) this.#open++;
    else if (this.#open === 0) this.#done++;
    else {
      // The statement that ends a transaction belongs to it.
      if (rollsBack(statement)) this.#rolledBack += this.#open + 1;
      else this.#done += this.#open + 1;
      this.#open = 0;
    }
  }

  /** The error of one statement: where it is in the script, and what became of those before it. */
  locate(error: unknown, at: number): unknown {
    const statement = this.#statements[at];
    if (!(error instanceof PondError) || !statement) return error;
    const { code, message, hint, data } = error;
    const position = data?.position === undefined ? undefined : statement.offset + data.position;
    const place = placeOf(this.#sql, position ?? statement.start);
    const isScript = this.#statements.length > 1;
    const count = this.#statements.length;
    const located = new PondError(
      code,
      isScript ? `statement ${at + 1} of ${count}, line ${place.line}: ${message}` : message,
      {
        ...hintOf([hint, isScript ? this.#fate() : undefined]),
        data: {
          ...data,
          ...(position !== undefined && { position, ...place }),
          ...(isScript && { line: place.line, statement: at + 1, statements: count, done: this.#done }),
        },
        cause: error.cause ?? error,
      },
    );
    if (position !== undefined) addDetail(located, drawPlace(this.#sql, place));
    return located;
  }

  /** What became of the statements before the one that failed. The session ends with the error. */
  #fate(): string {
    const parts = [
      ...(this.#done > 0 ? [`${statements(this.#done)} before it ${are(this.#done)} done`] : []),
      ...(this.#open > 0
        ? [`${statements(this.#open)} before it ${are(this.#open)} rolled back with the open transaction`]
        : []),
      ...(this.#rolledBack > 0 ? [`${statements(this.#rolledBack)} had been rolled back`] : []),
    ];
    return parts.join(', ') || 'nothing was done before it';
  }
}

const statements = (count: number): string => `${count} statement${count === 1 ? '' : 's'}`;
const are = (count: number): string => (count === 1 ? 'is' : 'are');

function hintOf(hints: readonly (string | undefined)[]): { hint?: string } {
  const hint = hints.filter((text) => text).join('; ');
  return hint === '' ? {} : { hint };
}
