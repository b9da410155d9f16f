import { type DuckDBConnection, DuckDBInstance, listValue, mapValue, structValue } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BindParams, bindParams } from '../../src/engine/bind.ts';
import { reviveDriverValue } from '../../src/engine/revive.ts';
import { decodeParams, encodeParams } from '../../src/values.ts';

/** A value as a program gives it, and the SQL literal that stands for the same. */
interface Given {
  readonly js: unknown;
  readonly literal: string;
}
interface Type {
  readonly sql: string;
  readonly values: fc.Arbitrary<Given>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const NULL: Given = { js: null, literal: 'NULL' };
const orNull = (values: fc.Arbitrary<Given>): fc.Arbitrary<Given> =>
  fc.oneof({ weight: 4, arbitrary: values }, fc.constant(NULL), fc.constant({ ...NULL, js: undefined }));
const of = <T>(values: fc.Arbitrary<T>, literal: (js: T) => string): fc.Arbitrary<Given> =>
  orNull(values.map((js) => ({ js, literal: literal(js) })));

const SECOND = 1_000;
const moments = fc.date({ min: new Date('1600-01-01'), max: new Date('2500-01-01'), noInvalidDate: true });
/** Strings without NUL, which a literal cannot write. */
const texts = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0'));

const SCALARS: readonly Type[] = [
  { sql: 'INTEGER', values: of(fc.integer(), String) },
  {
    sql: 'BIGINT',
    values: of(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => `${n}::HUGEINT`),
  },
  {
    sql: 'HUGEINT',
    values: of(
      fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 126n), max: 2n ** 126n })),
      String,
    ),
  },
  { sql: 'DOUBLE', values: of(fc.oneof(fc.integer(), fc.double()), (n) => `'${n}'::DOUBLE`) },
  { sql: 'VARCHAR', values: of(texts, quoted) },
  { sql: 'BOOLEAN', values: of(fc.boolean(), String) },
  {
    sql: 'TIMESTAMP',
    values: of(moments, (date) => `make_timestamp(${date.getTime()}::BIGINT * ${SECOND})`),
  },
  { sql: 'TIMESTAMPTZ', values: of(moments, (date) => `TIMESTAMPTZ '${date.toISOString()}'`) },
  { sql: 'DATE', values: of(moments, (date) => `DATE '${date.toISOString().slice(0, 10)}'`) },
  {
    sql: 'BLOB',
    values: of(fc.uint8Array({ maxLength: 4 }), (bytes) => `unhex('${Buffer.from(bytes).toString('hex')}')`),
  },
];

const list = (type: Type): Type => ({
  sql: `${type.sql}[]`,
  values: orNull(
    fc.tuple(fc.array(type.values, { maxLength: 4 }), fc.boolean()).map(([items, isDriver]) => {
      const js = items.map((item) => item.js);
      return {
        js: isDriver ? listValue(js as never) : js,
        literal: `[${items.map(({ literal }) => literal).join(', ')}]`,
      };
    }),
  ),
});

// The driver cannot read a field called __proto__.
const FIELDS = ['a', 'constructor', 'toString', '$', 'two words'];
const struct = (fields: readonly Type[]): Type => ({
  sql: `STRUCT(${fields.map(({ sql }, i) => `"${FIELDS[i]}" ${sql}`).join(', ')})`,
  values: orNull(
    fc
      .tuple(
        fc.tuple(...fields.map(({ values }) => fc.option(values, { freq: 3 }))),
        fc.boolean(),
        // A cast needs one field of the type at least.
        fc.nat(fields.length - 1),
        fc.tuple(...fields.map(({ values }) => values)),
      )
      .map(([given, isDriver, always, full]) => {
        const values = given.map((value, i) => (i === always ? (full[i] ?? NULL) : value));
        const pairs = values.flatMap((value, i) => (value ? [[FIELDS[i], value.js] as const] : []));
        const js = Object.fromEntries(pairs);
        return {
          js: isDriver ? structValue(js as never) : js,
          literal: `{${values.map((value, i) => `'${FIELDS[i]}': ${value?.literal ?? 'NULL'}`).join(', ')}}`,
        };
      }),
  ),
});

const map = (type: Type): Type => ({
  sql: `MAP(VARCHAR, ${type.sql})`,
  values: orNull(
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(texts, type.values), { selector: ([key]) => key, maxLength: 3 }),
        fc.constantFrom('map', 'object', 'driver'),
      )
      .map(([entries, form]) => {
        const pairs = entries.map(([key, { js }]) => [key, js] as const);
        const driver = (): unknown => mapValue(pairs.map(([key, value]) => ({ key, value })) as never);
        return {
          js: form === 'map' ? new Map(pairs) : form === 'object' ? Object.fromEntries(pairs) : driver(),
          literal: `MAP([${entries.map(([key]) => quoted(key)).join(', ')}], [${entries.map(([, { literal }]) => literal).join(', ')}])`,
        };
      }),
  ),
});

const { type: types } = fc.letrec<{ type: Type }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...SCALARS),
    tie('type').map(list),
    tie('type').map(map),
    fc.array(tie('type'), { minLength: 1, maxLength: FIELDS.length }).map(struct),
  ),
}));

describe('a parameter', () => {
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:');
    connection = await instance.connect();
    await connection.run("SET TimeZone = 'Asia/Kathmandu'");
  });
  afterAll(() => {
    connection.closeSync();
    instance.closeSync();
  });

  async function rows(sql: string, params: unknown): Promise<unknown> {
    const prepared = await connection.prepare(sql);
    const wire = JSON.parse(JSON.stringify(encodeParams(params)));
    bindParams(prepared, decodeParams(wire, reviveDriverValue) as BindParams);
    const reader = await prepared.runAndReadAll();
    prepared.destroySync();
    return reader.getRowsJson();
  }

  it('of a declared type is what the literal is, also in a list of several', async () => {
    const cases = types.chain((type) =>
      fc.tuple(fc.constant(type.sql), fc.array(type.values, { minLength: 1, maxLength: 3 })),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([type, given]) => {
        const [one = NULL] = given;
        expect(await rows(`SELECT $1::${type}`, [one.js])).toEqual(
          await rows(`SELECT (${one.literal})::${type}`, []),
        );
        const literals = given.map(({ literal }) => `(${literal})::${type}`).join(', ');
        expect(await rows(`SELECT unnest($all::${type}[])`, { all: given.map(({ js }) => js) })).toEqual(
          await rows(`SELECT unnest([${literals}])`, []),
        );
      }),
      { numRuns: 300 },
    );
  });
});
