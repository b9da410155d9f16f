import { describe, expect, it } from 'vitest';
import { fromSystem, isErrorCode, PondError } from '../../src/errors.ts';

const system = (code: string): Error => Object.assign(new Error(`${code}: refused`), { code });

describe('a PondError', () => {
  it('is an AbortError where its caller aborted', () => {
    expect(new PondError('ABORTED', 'x').name).toBe('AbortError');
    expect(new PondError('SQL', 'x').name).toBe('PondError');
  });

  it.each([
    ['SQL', true],
    ['toString', false],
    ['__proto__', false],
    [5, false],
    [null, false],
  ])('the code %s is known: %s', (code, known) => {
    expect(isErrorCode(code)).toBe(known);
  });
});

describe('an error of the system', () => {
  it.each([
    ['EACCES', 'PERMISSION'],
    ['EROFS', 'PERMISSION'],
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['ENOENT', 'NOT_FOUND'],
    ['ENAMETOOLONG', 'INVALID'],
    ['ELOOP', 'INVALID'],
  ])('%s is %s, and keeps its cause', (errno, code) => {
    const cause = system(errno);
    const message = `the file: ${cause.message}`;
    expect(fromSystem(cause, 'the file')).toMatchObject({ code, cause, message });
  });

  it('of another kind is left as it is', () => {
    for (const error of [system('EIO'), new Error('x'), 'x', new PondError('CLOSED', 'x')]) {
      expect(fromSystem(error, 'the file')).toBe(error);
    }
  });
});
