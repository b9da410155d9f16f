import { describe, expect, it } from 'vitest';
import { checkOptions } from '../../../src/options.ts';
import { open } from '../../../src/pond.ts';

describe('an option of open', () => {
  it.each<[options: unknown, message: string]>([
    [{ attach: 'x' }, 'open: attach must be an object of file names'],
    [{ attach: ['x'] }, 'open: attach must be an object of file names'],
    [{ attach: { x: 5 } }, 'open: attach must be an object of file names'],
    [{ timeout: '5' }, 'open: timeout must be a number of ms'],
    [{ timeout: Number.NaN }, 'open: timeout must be a number of ms'],
    [{ readOnly: 1 }, 'open: readOnly must be a boolean'],
    [{ candidate: 'always' }, 'open: candidate must be one of prefer, willing, never'],
    [{ config: 'threads' }, 'open: config must be an object of DuckDB settings'],
    [{ name: 5 }, 'open: name must be a string'],
    [{ readonly: true }, 'open: there is no option readonly'],
    [{ constructor: true }, 'open: there is no option constructor'],
    [null, 'open: the options must be an object'],
    ['x', 'open: the options must be an object'],
  ])('in %j is a TypeError that says so', async (options, message) => {
    const opened = open('/nowhere/app.duckdb', options as never);
    await expect(opened).rejects.toThrow(new TypeError(message));
  });

  it('may be undefined, and is then as if it were not there', () => {
    const all = { timeout: undefined, attach: undefined, config: undefined, name: undefined };
    expect(() => checkOptions('app.duckdb', all)).not.toThrow();
  });
});
