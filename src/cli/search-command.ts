import { PondError } from '../errors.ts';
import { openIndex, type ProjectIndex, type SearchOptions } from '../project-index.ts';
import type { SearchResult, UpdateResult } from '../shapes.ts';
import { type Context, EXIT, type GlobalOptions, type Run } from './context.ts';
import { formatHits, type HitFormat } from './format-hits.ts';
import { currentProject, namedFile, openOptions } from './place.ts';
import { note, print, printJson } from './print.ts';
import { showProgress } from './progress.ts';

interface SearchFlags extends Omit<SearchOptions, 'signal' | 'timeout'> {
  readonly format?: HitFormat | 'json';
}

export const run: Run = async (context, words, flags) => {
  const { options } = context;
  const { limit, path, lang, literal, regex, context: lines, explain, fresh } = flags as SearchFlags;
  const root = currentProject();
  const db = namedFile(options);
  await using index = await openIndex(root, {
    ...openOptions(options, 'search'),
    ...(db !== undefined && { db }),
  });
  const wanted: SearchOptions = {
    ...(limit !== undefined && { limit }),
    ...(path && { path }),
    ...(lang && { lang }),
    ...(literal && { literal }),
    ...(regex && { regex }),
    ...(lines !== undefined && { context: lines }),
    ...(explain && { explain }),
  };
  if (fresh) await update(index, context);
  const result = await searchOrIndex(index, words.join(' '), wanted, context);
  await show(result, flags as SearchFlags, options);
  return result.hits.length > 0 ? EXIT.done : EXIT.nothingFound;
};

/** The first search of a project makes its index. */
async function searchOrIndex(
  index: ProjectIndex,
  text: string,
  wanted: SearchOptions,
  context: Context,
): Promise<SearchResult> {
  try {
    return await index.search(text, { ...wanted, ...context.limits });
  } catch (error) {
    if (!(error instanceof PondError) || error.code !== 'NOT_FOUND') throw error;
    if (!context.options.quiet) note(`onepond: indexing ${index.root} first`);
    const { files, ms } = await update(index, context);
    if (!context.options.quiet) note(`onepond: indexed ${files} files in ${(ms / 1000).toFixed(1)} s`);
    return index.search(text, { ...wanted, ...context.limits });
  }
}

async function update(index: ProjectIndex, { options, limits }: Context): Promise<UpdateResult> {
  const progress = await showProgress(options);
  return index
    .update({ ...limits, ...(progress && { onProgress: progress.show }) })
    .finally(() => progress?.end());
}

async function show(
  result: SearchResult,
  { format, fresh }: SearchFlags,
  options: GlobalOptions,
): Promise<void> {
  if (options.json || format === 'json') return printJson(result);
  await print(formatHits(result, format ?? 'text', options));
  if (options.quiet) return;
  const next = fresh ? '' : '; --fresh brings the index up to date first';
  if (result.hits.length === 0) note(`onepond: nothing found for ${JSON.stringify(result.query)}${next}`);
  if (result.pending > 0)
    note(`onepond: ${result.pending} changed files are not indexed yet; --fresh waits for them`);
}
