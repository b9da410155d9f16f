import { expect, test } from 'vitest';
import { decodeText } from '../../../src/search/decode.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

test('a byte order mark is no part of the text', () => {
  expect(decodeText(bytes(0xef, 0xbb, 0xbf, 0x61))).toBe('a');
});

test('UTF-16 with a byte order mark is text, in both byte orders', () => {
  expect(decodeText(bytes(0xff, 0xfe, 0x61, 0, 0x62, 0))).toBe('ab');
  expect(decodeText(bytes(0xfe, 0xff, 0, 0x61, 0, 0x62))).toBe('ab');
});

test('what is not valid UTF-8 is read as latin1', () => {
  expect(decodeText(bytes(0x63, 0x61, 0x66, 0xe9))).toBe('café');
});

test('a NUL in the first 8 KB makes a file binary, a later one does not', () => {
  expect(decodeText(bytes(0x61, 0, 0x62))).toBeNull();
  const late = new Uint8Array(9000).fill(0x61);
  late[8500] = 0;
  expect(decodeText(late)).toHaveLength(9000);
});

test('an empty file is text', () => {
  expect(decodeText(bytes())).toBe('');
});
