import { visitOwner } from '../router/visit.ts';
import type { StatusResult } from '../shapes.ts';
import { EXIT, type GlobalOptions, type Run } from './context.ts';
import { placeToLook, visitorHello } from './place.ts';
import { print, printJson } from './print.ts';

const TIMEOUT = 10_000;

export const run: Run = async ({ options }) => {
  const status = await readStatus(options);
  if (options.json) await printJson(status);
  else await print(describe(status));
  return EXIT.done;
};

async function readStatus(options: GlobalOptions): Promise<StatusResult> {
  const paths = placeToLook(options);
  const timeout = options.timeout ?? TIMEOUT;
  const link = await visitOwner(paths, visitorHello(paths, 'status'), timeout);
  if (!link) return { db: paths.db, owner: null, clients: [], index: null };
  return await link.request('status', {}, timeout).finally(() => link.close());
}

function describe({ db, owner, clients, index }: StatusResult): string {
  const lines = [`database  ${db}`];
  if (owner) {
    lines.push(
      `owner     process ${owner.pid} since ${owner.started_at}, epoch ${owner.epoch}, onepond ${owner.version}`,
    );
    lines.push(`socket    ${owner.socket}`);
  } else {
    lines.push('owner     none');
  }
  for (const { pid, name, since, in_flight } of clients) {
    lines.push(`client    process ${pid} (${name}) since ${since}, ${in_flight} in flight`);
  }
  if (index) {
    lines.push(
      `index     ${index.root}: ${index.files} files, ${index.chunks} chunks, generation ${index.generation}`,
    );
    lines.push(`          updated ${index.updated_at}, ${index.pending} pending`);
  }
  return `${lines.join('\n')}\n`;
}
