#!/usr/bin/env node
'use strict';

/**
 * Runs the command line from V8's own code cache: a search in a terminal is over before its program would be
 * compiled. Each command keeps what it has compiled beside the program; where that cannot be written, or was made by
 * another Node, the command runs as well, some ms later.
 */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { Module, createRequire } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const DIGEST_BYTES = 20;
const OLDEST_NODE = 20;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  refuse(
    `onepond needs Node ${OLDEST_NODE} or newer, and this is ${process.versions.node}`,
    'install a newer Node',
  );
} else {
  run(path.join(__dirname, '..', 'dist', 'cli.cjs'));
}

function run(program) {
  const command = process.argv.find((word) => /^(?:search|sql|status|index)$/.test(word)) ?? 'other';
  let script;
  let cache;
  try {
    const source = fs.readFileSync(program, 'utf8');
    // V8 checks its own version and flags, and of the source the length alone.
    const made = Math.round(fs.statSync(program).mtimeMs);
    cache = `${program}.${command}.${process.version}.${process.arch}.${made}.cache`;
    script = new vm.Script(Module.wrap(source), { filename: program, cachedData: read(cache) });
  } catch (error) {
    return refuse(
      `cannot load ${program}: ${error.message}`,
      'install onepond again; in a clone, npm run build',
    );
  }
  if (script.cachedDataRejected !== false) process.once('exit', () => keep(script, cache));
  const module_ = new Module(program);
  script.runInThisContext()(module_.exports, createRequire(program), module_, program, path.dirname(program));
}

/** As the program itself reports an error: it is not there to do so. */
function refuse(message, hint) {
  const json = process.argv.includes('--json');
  const error = { code: 'INVALID', message, hint };
  process.stderr.write(
    json ? `${JSON.stringify({ error })}\n` : `onepond: ${message} (INVALID)\n  hint: ${hint}\n`,
  );
  process.exitCode = 2;
}

/** V8 trusts what it is given: a file that a crash of the machine has spoiled must not reach it. */
function read(file) {
  try {
    const bytes = fs.readFileSync(file);
    const code = bytes.subarray(DIGEST_BYTES);
    return digest(code).equals(bytes.subarray(0, DIGEST_BYTES)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function digest(bytes) {
  return createHash('sha1').update(bytes).digest();
}

/** Renamed into place: another command may be reading. */
function keep(compiled, file) {
  const draft = `${file}.${process.pid}`;
  try {
    const code = compiled.createCachedData();
    fs.writeFileSync(draft, Buffer.concat([digest(code), code]));
    fs.renameSync(draft, file);
  } catch {
    try {
      fs.rmSync(draft, { force: true });
    } catch {
      // A file system that is read-only refuses this too.
    }
  }
}
