import type { UpdateProgress } from '../shapes.ts';
import type { GlobalOptions } from './context.ts';
import { isWatched } from './print.ts';

export interface ProgressBar {
  readonly show: (progress: UpdateProgress) => void;
  readonly end: () => void;
}

const PHASES: Readonly<Record<UpdateProgress['phase'], string>> = {
  walk: 'looking',
  index: 'indexing',
  sort: 'sorting',
};

/** A bar on stderr, where people watch it; null elsewhere. */
export async function showProgress({ quiet }: GlobalOptions): Promise<ProgressBar | null> {
  if (quiet || !isWatched()) return null;
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar({
    format: '{phase} {bar} {percentage}% · {files}/{totalFiles} files · {mb} MB',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
  });
  bar.start(1, 0, { phase: PHASES.walk, files: 0, totalFiles: 0, mb: '0.0' });
  return {
    show({ phase, files, totalFiles, bytes, totalBytes }) {
      bar.setTotal(Math.max(totalBytes, 1));
      bar.update(bytes, { phase: PHASES[phase], files, totalFiles, mb: (bytes / 1e6).toFixed(1) });
    },
    end: () => bar.stop(),
  };
}
