import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../src/values.ts';

const scalar = fc.oneof(
  fc.constantFrom(null, true, -0, Number.NaN, Number.NEGATIVE_INFINITY),
  fc.double(),
  fc.bigInt(),
  fc.string(),
  fc.date(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value')),
    fc.dictionary(fc.constantFrom('a', '$', 'v', 'b'), tie('value')),
  ),
}));

describe('values on the wire', () => {
  it('come back as they went, through JSON', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decode(JSON.parse(JSON.stringify(encode(given))))).toEqual(given);
      }),
    );
  });

  it.each([[() => 1], [Symbol('x')], [new Map()], [{ nested: new Set() }]])(
    'refuse what is no value: %s',
    (given) => {
      expect(() => encode(given)).toThrow(TypeError);
    },
  );

  it.each([[{ $: 'nothing', v: {} }], [{ $: 'object' }], [{ $: 'bigint', v: 'x' }]])(
    'refuse an unknown form: %j',
    (given) => {
      expect(() => decode(given)).toThrow();
    },
  );
});
