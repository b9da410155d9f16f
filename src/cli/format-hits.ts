import { join, relative } from 'node:path';
import pc from 'picocolors';
import type { SearchHit, SearchResult } from '../shapes.ts';
import type { GlobalOptions } from './context.ts';

export type HitFormat = 'text' | 'vimgrep';

type Colors = ReturnType<typeof pc.createColors>;

/** Hits for people (`text`) or for an editor's quickfix list (`vimgrep`), with paths as seen from this folder. */
export function formatHits(
  { hits, root }: SearchResult,
  format: HitFormat,
  { color }: GlobalOptions,
): string {
  const colors = pc.createColors(color !== false && pc.isColorSupported && process.stdout.isTTY === true);
  const from = (hit: SearchHit): string => relative(process.cwd(), join(root, hit.path)) || hit.path;
  return hits.map((hit) => FORMATS[format](hit, from(hit), colors)).join('');
}

const FORMATS: Readonly<Record<HitFormat, (hit: SearchHit, path: string, colors: Colors) => string>> = {
  text: textHit,
  vimgrep: vimgrepHit,
};

function textHit(hit: SearchHit, path: string, colors: Colors): string {
  const place = `${colors.bold(colors.cyan(path))}:${hit.start_line}-${hit.end_line}`;
  const symbol = hit.symbol === null ? '' : `  ${colors.yellow(hit.symbol)}`;
  const score = colors.dim(`  ${hit.score.toFixed(2)}`);
  const stale = hit.stale ? colors.red('  (changed since it was indexed)') : '';
  const lines = numbered(hit).map(({ line, text, matches }) => {
    const gutter = String(line).padStart(6);
    return matches ? `${colors.green(gutter)}  ${text}\n` : `${colors.dim(gutter)}  ${colors.dim(text)}\n`;
  });
  const why =
    hit.explain?.map(({ term, score: share }) => `${' '.repeat(8)}${term} ${share.toFixed(2)}\n`) ?? [];
  return `${place}${symbol}${score}${stale}\n${lines.join('')}${why.join('')}\n`;
}

function vimgrepHit(hit: SearchHit, path: string): string {
  const rows = numbered(hit).filter(({ matches }) => matches);
  const shown = rows.length > 0 ? rows : numbered(hit).slice(0, 1);
  return shown.map(({ line, text }) => `${path}:${line}:${text.search(/\S|$/) + 1}:${text}\n`).join('');
}

interface NumberedLine {
  readonly line: number;
  readonly text: string;
  readonly matches: boolean;
}

function numbered({ snippet, snippet_line, match_lines }: SearchHit): NumberedLine[] {
  const matching = new Set(match_lines);
  return snippet.split('\n').map((text, i) => {
    const line = snippet_line + i;
    return { line, text, matches: matching.has(line) };
  });
}
