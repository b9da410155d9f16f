import { PondError } from '../errors.ts';
import { indexFile } from '../paths.ts';
import { openIndex, type ProjectIndex, type SearchOptions } from '../project-index.ts';
import type { SearchResult, UpdateResult } from '../shapes.ts';
import { type Context, EXIT, type GlobalOptions, type Run } from './context.ts';
import { refuseEndless } from './endless-trees.ts';
import { formatHits, type HitFormat } from './format-hits.ts';
import { globFromHere } from './path-globs.ts';
import { namedFile, projectToIndex } from './place.ts';
import { note, print, printJson } from './print.ts';
import { showProgress } from './progress.ts';
import { readOptions } from './read-options.ts';
import { freshnessNotes, indexingNote } from './search-notes.ts';

interface SearchFlags extends Omit<SearchOptions, 'signal' | 'timeout'> {
  readonly format?: HitFormat | 'json';
}

export const run: Run = async (context, words, flags) => {
  const { options } = context;
  const { limit, path, lang, literal, regex, context: lines, explain, fresh } = flags as SearchFlags;
  const root = projectToIndex(options);
  const db = namedFile(options);
  await using index = await openIndex(root, {
    ...readOptions(db ?? indexFile(root), options, 'search'),
    ...(db !== undefined && { db }),
  });
  const wanted: SearchOptions = {
    ...(limit !== undefined && { limit }),
    ...(path && { path: [path].flat().map((glob: string) => globFromHere(glob, process.cwd())) }),
    ...(lang && { lang }),
    ...(literal && { literal }),
    ...(regex && { regex }),
    ...(lines !== undefined && { context: lines }),
    ...(explain && { explain }),
  };
  if (fresh) await update(index, context);
  const result = await searchOrIndex(index, words.join(' '), wanted, context);
  await show(result, flags as SearchFlags, options);
  if (result.hits.length > 0) return EXIT.done;
  return result.indexing ? EXIT.tryLater : EXIT.nothingFound;
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
    // One that was begun, of this tree or of another that was named, goes on.
    const begun = error.data?.root;
    const root = typeof begun === 'string' ? begun : index.root;
    if (!context.options.quiet) note(`onepond: indexing ${root} first`);
    const { files, ms } = await update(
      root === index.root ? index : await openIndex(root, { db: index.db }),
      context,
    );
    if (!context.options.quiet) note(`onepond: indexed ${files} files in ${(ms / 1000).toFixed(1)} s`);
    return index.search(text, { ...wanted, ...context.limits });
  }
}

async function update(index: ProjectIndex, { options, limits }: Context): Promise<UpdateResult> {
  await refuseEndless(index, limits);
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
  const isJson = options.json || format === 'json';
  if (isJson) await printJson(result);
  else await print(formatHits(result, format ?? 'text', options));
  if (options.quiet) return;
  if (result.indexing) note(`onepond: ${indexingNote(result)}`);
  else if (!isJson) for (const text of freshnessNotes(result, fresh ?? false)) note(`onepond: ${text}`);
}
