import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { CONFIRMED, METHODS, type MethodName, type NoticeName } from '../../src/protocol.ts';
import { World } from '../support/world.ts';
import { RawClient, socketOf } from './raw-client.ts';

interface Example {
  readonly kind: 'request' | 'answer' | 'notice';
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const SPEC = readFileSync(new URL('../../specs/protocol.md', import.meta.url), 'utf8');
const EXAMPLES: readonly Example[] = [
  ...SPEC.matchAll(/```json (request|answer|notice) (\S+)\n(.*)\n```/g),
].map(([, kind, name = '', body = '']) => ({ kind: kind as Example['kind'], name, body: JSON.parse(body) }));
const namesOf = (kind: Example['kind']): string[] =>
  EXAMPLES.filter((one) => one.kind === kind).map(({ name }) => name);
const exampleOf = (kind: Example['kind'], name: string) =>
  EXAMPLES.find((one) => one.kind === kind && one.name === name)?.body;

/** A compile error where a notice is added and not named here. */
const NOTICES = {
  '$/began': 1,
  '$/progress': 1,
  '$/successor': 1,
  '$/electing': 1,
  '$/left': 1,
} satisfies Record<NoticeName, 1>;

describe('specs/protocol.md', () => {
  it('shows every method and every notice', () => {
    expect(namesOf('request').sort()).toEqual(Object.keys(METHODS).sort());
    expect(namesOf('answer').sort()).toEqual(Object.keys(METHODS).sort());
    expect(namesOf('notice').sort()).toEqual([...Object.keys(NOTICES), CONFIRMED].sort());
  });

  it.each(EXAMPLES.filter(({ kind }) => kind === 'request'))(
    'shows params of $name that an owner takes',
    ({ name, body }) => {
      expect(v.safeParse(METHODS[name as MethodName].params, body).issues).toBeUndefined();
    },
  );

  it('shows what a real owner answers', async () => {
    const world = new World();
    const db = world.path('app.duckdb');
    await world.peers(1, db);
    const client = await RawClient.connect(socketOf(db));
    const greeting = await client.hello(db);
    expect(Object.keys(greeting.result)).toEqual(Object.keys(exampleOf('answer', 'hello') ?? {}));
    const asked = ['ping', 'query', 'run', 'stream/open', 'stream/next', 'stream/close', 'status', 'stop'];
    for (const method of asked) {
      const { result } = await client.call(method, exampleOf('request', method));
      const shown = exampleOf('answer', method) ?? {};
      expect([method, Object.keys(result)]).toEqual([method, Object.keys(shown)]);
      if (['query', 'stream/next', 'stream/open'].includes(method)) expect(result).toEqual(shown);
    }
    expect(client.received.find(({ method }) => method === '$/began')).toMatchObject({
      params: exampleOf('notice', '$/began'),
    });
  });
});
