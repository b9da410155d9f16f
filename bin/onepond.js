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
const program = path.join(__dirname, '..', 'dist', 'cli.cjs');
const command = process.argv.find((word) => /^(?:search|sql|status|index)$/.test(word)) ?? 'other';
// V8 checks its own version and flags, and of the source the length alone.
const made = Math.round(fs.statSync(program).mtimeMs);
const cache = `${program}.${command}.${process.version}.${process.arch}.${made}.cache`;

const script = new vm.Script(Module.wrap(fs.readFileSync(program, 'utf8')), {
  filename: program,
  cachedData: read(cache),
});
if (script.cachedDataRejected !== false) process.once('exit', () => keep(script, cache));
const module_ = new Module(program);
script.runInThisContext()(module_.exports, createRequire(program), module_, program, path.dirname(program));

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
    fs.rmSync(draft, { force: true });
  }
}
