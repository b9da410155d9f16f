import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { publishRecord } from '../../src/election/record.ts';
import { pondPaths } from '../../src/paths.ts';
import type { Params, Result } from '../../src/protocol.ts';
import { Router } from '../../src/router/router.ts';
import { socketChannel } from '../../src/transport/channel.ts';
import { type Listener, listen } from '../../src/transport/listen.ts';
import { type Connect, type Place, VERSION } from './place.ts';
import { describeContract } from './suite.ts';

/** What belongs to one owner by the contract itself: a transaction, a cursor, and what a session has of its own. */
const STAYS_WITH_OWNER = /\b(?:begin|start\s+transaction|set|use|prepare|temp|temporary|attach|load)\b/i;

interface Restarting {
  /** Sessions, or their places in it, that would lose something. */
  readonly holds: Set<unknown>;
  restarting: Promise<void>;
  listener: Listener | null;
}

const places = new WeakMap<Place, Restarting>();

async function serve(place: Place, state: Restarting): Promise<void> {
  const { owner, socket, record } = place;
  state.listener = await listen(socket, (accepted) =>
    owner.receive(socketChannel(accepted, { pauseWhenFull: true })),
  );
  publishRecord(pondPaths(place.database.path), record);
}

async function stateOf(place: Place): Promise<Restarting> {
  const known = places.get(place);
  if (known) return known;
  const state: Restarting = { holds: new Set(), restarting: Promise.resolve(), listener: null };
  places.set(place, state);
  onTestFinished(() => state.listener?.close());
  state.restarting = serve(place, state);
  await state.restarting;
  return state;
}

/** Through a router, whose owner has gone before every single call. */
const connect: Connect = async (place, hello) => {
  const state = await stateOf(place);
  const router = new Router({
    paths: pondPaths(place.database.path),
    version: VERSION,
    config: {},
    timeout: 20_000,
    alone: false,
    hello: { ...hello, client: hello.client ?? randomUUID(), candidate: 'never' },
  });
  const session = {};
  const restart = (): Promise<void> => {
    state.restarting = state.restarting.then(async () => {
      if (state.holds.size > 0) return;
      state.listener?.close();
      await place.restart();
      await serve(place, state);
    });
    return state.restarting;
  };
  return {
    async call<M extends Parameters<Router['call']>[0]>(method: M, params: Params<M>, signal?: AbortSignal) {
      const { sql = '' } = params as { readonly sql?: string };
      await restart();
      if (STAYS_WITH_OWNER.test(sql) || method === 'stream/open' || method === 'index/watch')
        state.holds.add(session);
      const numbered = 'call' in params || sql === '' ? params : { ...params, call: router.nextCall() };
      return (await router.call(method, numbered as Params<M>, { signal })) as Result<M>;
    },
    began: () => Promise.resolve(),
    async close() {
      await router.close();
      state.holds.delete(session);
    },
  };
};

describeContract('the service through a router, with another owner for every call', connect);
