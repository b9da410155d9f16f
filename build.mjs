/** Bundles src/ into dist/, one flat folder: specs/architecture.md says why. The declarations are tsc's. */

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
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
/** Node has the symbol since 20.5; esbuild's `await using` looks for this one before that. */
const ASYNC_DISPOSE = "const onepondAsyncDispose=Symbol.asyncDispose??Symbol.for('Symbol.asyncDispose');";

/**
 * A thread is started by its file's name beside the caller's; what the entries share is loaded once. Not minified:
 * its functions stand in its users' stack traces, and a start takes no longer for their names.
 */
const MODULES = {
  ...COMMON,
  // A bundler takes the library as a module, which it can read; Node never loads that one.
  entryPoints: {
    'for-bundlers': 'src/index.ts',
    'owner-worker': 'src/owner/owner-worker.ts',
    'tokenize-worker': 'src/search/tokenize-worker.ts',
  },
  entryNames: '[name]',
  chunkNames: 'chunk-[hash]',
  outdir: 'dist',
  format: 'esm',
  splitting: true,
  define: { __VERSION__, 'import.meta.url': 'onepondUrl', 'Symbol.asyncDispose': 'onepondAsyncDispose' },
  // The CommonJS packages inside ask for Node's own modules by `require`. A bundler that writes CommonJS leaves no URL.
  banner: {
    js: `${ASYNC_DISPOSE}import{createRequire as onepondRequire}from'node:module';import{pathToFileURL as onepondToUrl}from'node:url';const onepondUrl=import.meta.url??onepondToUrl(process.cwd()+'/').href;const require=onepondRequire(onepondUrl);`,
  },
};

/** The URL of a CommonJS file, as `import.meta.url` is that of a module. */
const AS_COMMONJS = {
  format: 'cjs',
  supported: { 'dynamic-import': false },
  define: { __VERSION__, 'import.meta.url': 'onepondUrl', 'Symbol.asyncDispose': 'onepondAsyncDispose' },
  banner: { js: `${ASYNC_DISPOSE}const onepondUrl=require('node:url').pathToFileURL(__filename).href;` },
};

/**
 * The library in CommonJS, for `require` on every Node (before 20.19 it takes no modules) and for Jest. `import`
 * gets the same code by a small module: a program that does both has one library, with one PondError.
 */
const LIBRARY = {
  ...COMMON,
  ...AS_COMMONJS,
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.cjs',
};

/** One CommonJS file: V8 caches the code of such a one whole (bin/onepond.js), where no `import()` is left in it. */
const COMMAND_LINE = {
  ...COMMON,
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/cli.cjs',
  minify: true,
  ...AS_COMMONJS,
};

/** Declarations are of the kind of module that the nearest package.json says. */
function declareCommonJS() {
  cpSync('dist/types', 'dist/types-cjs', { recursive: true });
  writeFileSync('dist/types-cjs/package.json', '{"type":"commonjs"}\n');
}

if (process.argv[2] === 'types') {
  declareCommonJS();
  process.exit();
}

rmSync('dist', { recursive: true, force: true });
const built = await Promise.all([LIBRARY, MODULES, COMMAND_LINE].map((options) => build(options)));
const folders = new Set(built.flatMap(({ metafile }) => foldersOfPackages(metafile)));
writeFileSync('dist/index.js', moduleOf('dist/index.cjs'));
writeFileSync(
  'dist/THIRD-PARTY-NOTICES.txt',
  [...folders]
    .map(notice)
    .sort()
    .join(`\n${'-'.repeat(80)}\n\n`),
);

/** A module with the names of a CommonJS file. Imported, that file would be read for its names at each start: 30 ms. */
function moduleOf(file) {
  const names = Object.keys(createRequire(import.meta.url)(resolve(file))).join(', ');
  const load = `createRequire(import.meta.url)('./${basename(file)}')`;
  return `import { createRequire } from 'node:module';\n\nexport const { ${names} } = ${load};\n`;
}

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
