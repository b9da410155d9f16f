import { visitOwner } from '../router/visit.ts';
import type { FileStatus, IndexStatus, StatusResult } from '../shapes.ts';
import { EXIT, type GlobalOptions, type Run } from './context.ts';
import { fileStatus } from './file-status.ts';
import { placeToLook, visitorHello } from './place.ts';
import { print, printJson } from './print.ts';
import { visibleLines } from './visible.ts';

const TIMEOUT = 10_000;

export const run: Run = async ({ options }) => {
  const status = await readStatus(options);
  if (options.json) await printJson(status);
  else await print(visibleLines(describe(status)));
  return EXIT.done;
};

async function readStatus(options: GlobalOptions): Promise<StatusResult> {
  const paths = placeToLook(options);
  const timeout = options.timeout ?? TIMEOUT;
  const link = await visitOwner(paths, visitorHello(paths, 'status'), timeout);
  const file = fileStatus(paths.db);
  if (!link) return { db: paths.db, file, owner: null, clients: [], index: null };
  const status = await link.request('status', {}, timeout).finally(() => link.close());
  return { ...status, file };
}

function describe({ db, file = null, owner, clients, index }: StatusResult): string {
  const lines = [`database  ${db}`, `          ${describeFile(file)}`];
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
  if (index) lines.push(...describeIndex(index));
  else if (!owner && file) lines.push('index     not known without an owner; onepond search opens the file');
  return `${lines.join('\n')}\n`;
}

const describeFile = (file: FileStatus | null): string =>
  file ? `${(file.bytes / 1e6).toFixed(1)} MB, last changed ${file.changed_at}` : 'there is no such file yet';

function describeIndex(index: IndexStatus): string[] {
  const { root, files, chunks, generation, updated_at, pending, indexing, watching } = index;
  return [
    `index     ${root}: ${files} files, ${chunks} chunks, generation ${generation}`,
    `          updated ${updated_at}, ${pending} pending, ${WATCHING[`${watching}`]}`,
    ...(indexing ? [`          first update: ${indexing.files} of ${indexing.total} files`] : []),
  ];
}

const WATCHING: Readonly<Record<`${IndexStatus['watching']}`, string>> = {
  true: 'watched',
  polling: 'watched by scans alone: the system gives no notice of changes',
  false: 'not watched',
};
