import { openIndex } from '../project-index.ts';
import type { UpdateResult } from '../shapes.ts';
import { EXIT, type Run } from './context.ts';
import { refuseEndless } from './endless-trees.ts';
import { namedFile, openOptions, projectToIndex } from './place.ts';
import { note, print, printJson } from './print.ts';
import { showProgress } from './progress.ts';

export const run: Run = async ({ options, limits }, [path], { full }) => {
  const root = path ?? projectToIndex(options);
  const db = namedFile(options);
  await using index = await openIndex(root, {
    ...openOptions(options, 'index'),
    ...(db !== undefined && { db }),
  });
  if (path === undefined) await refuseEndless(index, limits);
  const progress = await showProgress(options);
  const result = await index
    .update({ ...limits, full: full === true, ...(progress && { onProgress: progress.show }) })
    .finally(() => progress?.end());
  if (options.json) await printJson(withoutNames(result));
  else await print(`${summary(result)}\n`);
  if (!options.quiet && !options.json) noteUnreadable(result);
  return EXIT.done;
};

/** The fields of the contract; the names of skipped files are for the library and for people. */
function withoutNames({ skippedFiles: _, ...fields }: UpdateResult): Omit<UpdateResult, 'skippedFiles'> {
  return fields;
}

function summary(result: UpdateResult): string {
  const { root, files, chunks, bytes, added, changed, removed, unchanged, skipped, ms } = result;
  const size = (bytes / 1e6).toFixed(1);
  return (
    `${root}: ${files} files, ${chunks} chunks, ${size} MB in ${(ms / 1000).toFixed(1)} s` +
    ` (${added} added, ${changed} changed, ${removed} removed, ${unchanged} unchanged, ${skipped} skipped)`
  );
}

function noteUnreadable({ skippedFiles }: UpdateResult): void {
  for (const { path, reason } of skippedFiles) if (reason === 'unreadable') note(`unreadable: ${path}`);
}
