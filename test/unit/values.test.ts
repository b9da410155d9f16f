import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, encodeParams } from '../../src/values.ts';

const scalar = fc.oneof(
  fc.constantFrom(null, true, -0, Number.NaN, Number.NEGATIVE_INFINITY),
  fc.double(),
  fc.bigInt(),
  fc.string(),
  fc.date(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.float64Array({ maxLength: 4 }),
  fc.int16Array({ maxLength: 4 }),
  fc.bigInt64Array({ maxLength: 4 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value')),
    fc.dictionary(fc.constantFrom('a', '$', 'v', '__proto__', 'constructor'), tie('value')),
    fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new Map(entries)),
  ),
}));

describe('params', () => {
  it.each([[null], ['text'], [new Map()], [new Date()], [new Uint8Array(1)], [new (class Params {})()]])(
    'are an array or a plain object, and not %s',
    (given) => {
      expect(() => encodeParams(given)).toThrow(/^params must be/);
    },
  );

  it.each<[params: unknown, name: string]>([
    [[1, () => 1], 'parameter 2:'],
    [{ a: { b: [Symbol('x')] } }, 'parameter $a:'],
  ])('name the one that is no value: %o', (params, name) => {
    expect(() => encodeParams(params)).toThrow(name);
    expect(() => encodeParams(params)).toThrow(TypeError);
  });
});

describe('values on the wire', () => {
  it('come back as they went, through JSON', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decode(JSON.parse(JSON.stringify(encode(given))))).toEqual(given);
      }),
    );
  });

  it.each([[() => 1], [Symbol('x')], [new WeakMap()], [new ArrayBuffer(1)], [{ nested: new Set() }]])(
    'refuse what is no value: %s',
    (given) => {
      expect(() => encode(given)).toThrow(TypeError);
    },
  );

  it.each([
    [{ $: 'nothing', v: {} }],
    [{ $: 'constructor', v: {} }],
    [{ $: 'valueOf', v: 'x' }],
    [{ $: 'object' }],
    [{ $: 'bigint', v: 'x' }],
  ])('refuse an unknown form: %j', (given) => {
    expect(() => decode(given)).toThrow();
  });
});
