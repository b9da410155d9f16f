import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunksOf } from './chunks.ts';
import { decodeText } from './decode.ts';
import { languageOf } from './languages.ts';
import { PostingsBuilder } from './postings.ts';
import type { WalkedFile } from './walk.ts';

/** A file to look into, and the hash of what the index holds of it. */
export interface FileTask extends WalkedFile {
  readonly knownHash: string | null;
}

export interface AnalyzeRequest {
  readonly root: string;
  readonly files: readonly FileTask[];
}

export type FileOutcome =
  /** Replaced, grown or removed since it was stat'ed, or it cannot be read. */
  | { readonly status: 'vanished' | 'unreadable' }
  /** The content is what the index has. */
  | { readonly status: 'same' }
  | { readonly status: 'binary'; readonly hash: string }
  | { readonly status: 'text'; readonly hash: string; readonly lang: string };

/** What a batch of files comes to, column by column as the tables take it. Moves between threads without copies. */
export interface Analysis {
  readonly outcomes: readonly FileOutcome[];
  readonly chunks: {
    /** Position in `outcomes`. */
    readonly file: number[];
    readonly path: string[];
    readonly lang: string[];
    readonly startLine: number[];
    readonly endLine: number[];
    readonly symbol: (string | null)[];
    readonly text: string[];
    readonly length: number[];
  };
  readonly postings: {
    readonly term: Float64Array<ArrayBuffer>;
    /** Position in `chunks`. */
    readonly chunk: Int32Array<ArrayBuffer>;
    readonly frequency: Int32Array<ArrayBuffer>;
    readonly length: Int32Array<ArrayBuffer>;
  };
}

export function noChunks(): Analysis['chunks'] {
  return { file: [], path: [], lang: [], startLine: [], endLine: [], symbol: [], text: [], length: [] };
}

/** Reads, hashes, decodes, chunks and tokenizes. Blocks its thread: it is made for one that does nothing else. */
export function analyze({ root, files }: AnalyzeRequest): Analysis {
  const chunks = noChunks();
  const postings = new PostingsBuilder();
  const outcomes = files.map((task, file): FileOutcome => {
    const bytes = readBytes(join(root, task.path), task);
    if (typeof bytes === 'string') return { status: bytes };
    const hash = createHash('sha1').update(bytes).digest('hex');
    if (hash === task.knownHash) return { status: 'same' };
    const text = decodeText(bytes);
    if (text === null) return { status: 'binary', hash };
    const lang = languageOf(task.path);
    for (const chunk of chunksOf(text, lang)) {
      chunks.length.push(postings.add(chunks.file.length, chunk, task.path));
      chunks.file.push(file);
      chunks.path.push(task.path);
      chunks.lang.push(lang);
      chunks.startLine.push(chunk.startLine);
      chunks.endLine.push(chunk.endLine);
      chunks.symbol.push(chunk.symbol);
      chunks.text.push(chunk.text);
    }
    return { status: 'text', hash, lang };
  });
  return { outcomes, chunks, postings: postings.build() };
}

/**
 * Between the walk and now another file may have been moved to this path, the database even: it is opened only
 * if it is still the file that the walk was allowed to open. (What is left is the moment between two calls.)
 */
function readBytes(path: string, expected: WalkedFile): Uint8Array | 'vanished' | 'unreadable' {
  try {
    const stats = lstatSync(path, { bigint: true });
    if (stats.dev !== expected.dev || stats.ino !== expected.ino || !stats.isFile()) return 'vanished';
    return readFileSync(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'vanished' : 'unreadable';
  }
}
