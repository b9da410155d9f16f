import type { SkippedFile, UpdateProgress, UpdateResult } from '../shapes.ts';
import type { Analysis, FileOutcome, FileTask } from './analyze.ts';
import type { Plan } from './plan.ts';

/** How many unreadable files an answer names. */
const MAX_NAMED = 100;

type Counted = Pick<UpdateResult, 'added' | 'changed' | 'removed' | 'unchanged' | 'skipped' | 'skippedFiles'>;

type Kind = 'added' | 'changed' | 'removed' | 'unchanged' | 'skipped';

/** What an update did, file by file. A file is in exactly one of the counts. */
export class Counts {
  readonly #counts: Record<Kind, number> = { added: 0, changed: 0, removed: 0, unchanged: 0, skipped: 0 };
  readonly #unreadable: SkippedFile[] = [];

  constructor(plan: Plan, skipped: readonly SkippedFile[]) {
    for (const file of skipped) this.#skip(file);
    for (const row of plan.unchanged) this.#counts[row.skipped ? 'skipped' : 'unchanged']++;
    // A file that was indexed and is now skipped counts as skipped, not as removed too.
    const now = new Set(skipped.map(({ path }) => path));
    for (const row of plan.gone) if (!row.skipped && !now.has(row.path)) this.#counts.removed++;
  }

  add(tasks: readonly FileTask[], { outcomes }: Analysis, plan: Plan): void {
    for (const [i, { path }] of tasks.entries()) {
      const row = plan.known.get(path);
      const status = outcomes[i]?.status ?? 'vanished';
      const kind = kindOf(status, row !== undefined && !row.skipped);
      if (status === 'unreadable') this.#skip({ path, reason: status });
      else if (kind) this.#counts[kind]++;
    }
  }

  #skip(file: SkippedFile): void {
    this.#counts.skipped++;
    if (file.reason === 'unreadable' && this.#unreadable.length < MAX_NAMED) this.#unreadable.push(file);
  }

  result(): Counted {
    return { ...this.#counts, skippedFiles: this.#unreadable };
  }
}

/** `indexed`: the index had text of this file before. Null: it never did, and the file is gone again. */
function kindOf(status: FileOutcome['status'], indexed: boolean): Kind | null {
  switch (status) {
    case 'text':
      return indexed ? 'changed' : 'added';
    case 'same':
      return indexed ? 'unchanged' : 'skipped';
    case 'vanished':
      return indexed ? 'removed' : null;
    case 'binary':
    case 'unreadable':
      return 'skipped';
  }
}

/** Tells how far an update is. `files` and `bytes` count up to their totals; a walk's totals grow with it. */
export class Progress {
  readonly #tell: (progress: UpdateProgress) => void;
  #phase: UpdateProgress['phase'] = 'walk';
  #files = 0;
  #bytes = 0;
  #totalFiles = 0;
  #totalBytes = 0;

  constructor(tell: (progress: UpdateProgress) => void) {
    this.#tell = tell;
  }

  /** Every 256th file is told: a listener may be a socket away. */
  found(size: number): void {
    this.#totalFiles++;
    this.#totalBytes += size;
    if (this.#totalFiles % 256 === 0) this.#send();
  }

  plan(plan: Plan): void {
    this.#phase = 'index';
    this.#files = plan.unchanged.length;
    this.#bytes = plan.unchanged.reduce((sum, { size }) => sum + size, 0);
    this.#send();
  }

  indexed(tasks: readonly FileTask[]): void {
    this.#files += tasks.length;
    for (const { size } of tasks) this.#bytes += size;
    this.#send();
  }

  sorting(): void {
    this.#phase = 'sort';
    this.#send();
  }

  #send(): void {
    this.#tell({
      phase: this.#phase,
      files: this.#files,
      totalFiles: this.#totalFiles,
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
    });
  }
}
