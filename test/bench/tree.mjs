import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const TEXT = /\.([cm]?[jt]s|md|json)$/;
/** Minified code is one line of no words. */
const MINIFIED = /\.min\.|\.map$/;
const MAX_FILE_BYTES = 400_000;
const IDENTIFIER = /\b[a-z]+[A-Z]\w*/g;

/**
 * A source tree of at least so many bytes of text, from packages that every checkout has: this project's
 * dependencies and npm's own. Where they do not suffice they are copied again, with a share of the identifiers
 * renamed, so that no two files are alike and the vocabulary grows as it does in a real tree.
 */
export function growTree(target, bytes) {
  const sources = [...filesBelow(MODULES), ...filesBelow(globalModules())];
  const made = { root: target, bytes: 0, files: 0 };
  mkdirSync(join(target, '.git'), { recursive: true });
  for (let copy = 0; made.bytes < bytes && sources.length > 0; copy++) {
    for (const { base, file } of sources) {
      if (made.bytes >= bytes) break;
      const text = copy === 0 ? readFileSync(file, 'utf8') : renamed(readFileSync(file, 'utf8'), copy);
      // A folder called node_modules would be passed over.
      const place = relative(base, file).replaceAll('node_modules', 'deps');
      const path = join(target, `copy-${copy}`, place);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      made.bytes += Buffer.byteLength(text);
      made.files++;
    }
  }
  return made;
}

function filesBelow(base) {
  return readdirSync(base, { recursive: true })
    .filter((name) => TEXT.test(name) && !MINIFIED.test(name) && !name.startsWith('.'))
    .map((name) => ({ base, file: join(base, name) }))
    .filter(({ file }) => isSmallFile(statSync(file, { throwIfNoEntry: false })));
}

const isSmallFile = (stats) => stats?.isFile() === true && stats.size > 0 && stats.size < MAX_FILE_BYTES;

const globalModules = () =>
  execFileSync('npm', ['root', '-g'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

const renamed = (text, copy) =>
  text.replace(IDENTIFIER, (name) => (name.length % 4 === copy % 4 ? `${name}Of${copy}` : name));

/** Words that people type, two to four of which make a query. All occur in any tree of JavaScript packages. */
const WORDS = [
  'parse config file',
  'read package json',
  'resolve module path',
  'http request headers',
  'create server',
  'socket timeout error',
  'stream pipe end',
  'validate schema object',
  'command line options',
  'escape html string',
  'promise race timeout',
  'file watcher close',
  'buffer concat length',
  'lock file stale',
  'semver range satisfies',
  'tokenizer next token',
  'abort signal listener',
  'deep equal arrays',
  'worker thread message',
  'source map position',
  'glob pattern match',
  'registry auth token',
  'cache integrity hash',
  'extract tarball entry',
  'format date time',
  'test suite hooks',
  'mock function calls',
  'type parameter constraint',
  'random seed shrink',
  'table column width',
  'symlink real path',
  'environment variable proxy',
  'retry backoff operation',
  'diff patch hunk',
  'event emitter once',
]; // prettier-ignore

export const queryAt = (i) => WORDS[i % WORDS.length];
