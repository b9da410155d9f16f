import { describe, expect, it } from 'vitest';

/** The built package, as a program that installs it finds it. */
const DIST = new URL('../dist/', import.meta.url);

describe('the package', () => {
  it('names its functions in a stack trace', async () => {
    const { open } = await import(`${DIST}index.js`);
    const error = await open(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.stack).toMatch(/ at checkOptions .*\n.* at openInner /);
  });
});
