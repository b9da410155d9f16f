import { describe, expect, it } from 'vitest';
import { TextRows } from '../../src/text-rows.ts';

const ROWS = [
  [1, 'a'],
  [null, 'ü, "]['],
  [{ $: 'bigint', v: '9' }, ''],
];

describe('rows as text', () => {
  it('are the same rows, in whatever pieces they came', () => {
    const rows = new TextRows();
    rows.add(ROWS.slice(0, 1));
    rows.add([]);
    rows.add(ROWS.slice(1));
    expect(rows.toJSON()).toEqual(ROWS);
    expect(`[${rows.pieces.map((piece) => Buffer.from(piece).toString()).join('')}]`).toBe(
      JSON.stringify(ROWS),
    );
    expect(rows.bytes).toBe(Buffer.byteLength(JSON.stringify(ROWS)));
  });
});
