import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../src/log.ts';

let file: string;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), 'onepond-log-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  file = join(dir, 'log');
});

describe('a log', () => {
  it.each([
    ['silent', []],
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
    ['loud', ['error', 'warn']],
  ])('at %s holds %j', (level, levels) => {
    const log = createLog(file, level);
    for (const at of ['error', 'warn', 'info', 'debug'] as const) log(at, `a ${at}`);
    const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    expect(text === '' ? [] : text.split('\n').map((line) => JSON.parse(line).level)).toEqual(levels);
  });

  it('is lines of JSON with time and process, for its user alone', () => {
    createLog(file, 'info')('info', 'two\nlines', { epoch: 3 });
    const line = JSON.parse(readFileSync(file, 'utf8'));
    const at = expect.any(String);
    expect(line).toEqual({ at, level: 'info', pid: process.pid, message: 'two\nlines', epoch: 3 });
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it('that cannot be written is dropped', () => {
    expect(() => createLog('/no/such/folder/log', 'info')('info', 'x')).not.toThrow();
  });
});
