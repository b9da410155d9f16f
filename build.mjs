/** Bundles src/ into dist/, one flat folder: specs/architecture.md says why. The declarations are tsc's. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const { version, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

const COMMON = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: Object.keys(dependencies),
  legalComments: 'linked',
  logLevel: 'warning',
  metafile: true,
};
const __VERSION__ = JSON.stringify(version);

/**
 * A thread is started by its file's name beside the caller's; what the entries share is loaded once. Not minified:
 * its functions stand in its users' stack traces, and a start takes no longer for their names.
 */
const LIBRARY = {
  ...COMMON,
  entryPoints: ['src/index.ts', 'src/owner/owner-worker.ts', 'src/search/tokenize-worker.ts'],
  entryNames: '[name]',
  chunkNames: 'chunk-[hash]',
  outdir: 'dist',
  format: 'esm',
  splitting: true,
  define: { __VERSION__ },
  // The CommonJS packages inside ask for Node's own modules by `require`.
  banner: {
    js: "import{createRequire as onepondRequire}from'node:module';const require=onepondRequire(import.meta.url);",
  },
};

/** One CommonJS file: V8 caches the code of such a one whole (bin/onepond.js), where no `import()` is left in it. */
const COMMAND_LINE = {
  ...COMMON,
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/cli.cjs',
  format: 'cjs',
  minify: true,
  supported: { 'dynamic-import': false },
  define: { __VERSION__, 'import.meta.url': 'onepondUrl' },
  banner: { js: "const onepondUrl=require('node:url').pathToFileURL(__filename).href;" },
};

rmSync('dist', { recursive: true, force: true });
const built = await Promise.all([LIBRARY, COMMAND_LINE].map((options) => build(options)));
const folders = new Set(built.flatMap(({ metafile }) => foldersOfPackages(metafile)));
writeFileSync(
  'dist/THIRD-PARTY-NOTICES.txt',
  [...folders]
    .map(notice)
    .sort()
    .join(`\n${'-'.repeat(80)}\n\n`),
);

/** Folders of the packages that something of ended up in an output. */
function foldersOfPackages({ outputs }) {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  return files.flatMap((file) => file.match(/^.*\/?node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []);
}

/** What the licences ask to be handed on with the code: a package that names none may not be bundled. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder).filter((file) =>
    /^(licen[cs]e|notice|third-?party-?notices)/i.test(file),
  );
  if (texts.length === 0) throw new Error(`${name} is bundled, and comes without the text of its licence`);
  const text = texts.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
  return `${name} ${version} (${license})\n\n${text.replaceAll('\r\n', '\n')}\n`;
}
