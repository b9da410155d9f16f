import pc from 'picocolors';
import { type Diagnosis, examine } from '../doctor/index.ts';
import { EXIT, type Run } from './context.ts';
import { placeToLook, visitorHello } from './place.ts';
import { print, printJson } from './print.ts';

/** Enough for an owner that lives: its event loop answers, whatever DuckDB is doing. */
const TIMEOUT = 2_000;

export const run: Run = async ({ options }, _args, { fix = false }) => {
  const paths = placeToLook(options);
  const timeout = options.timeout ?? TIMEOUT;
  const diagnosis = await examine(paths, visitorHello(paths, 'doctor'), { fix: fix === true, timeout });
  if (options.json) await printJson(diagnosis);
  else await print(describe(diagnosis, options.color !== false));
  return diagnosis.ok ? EXIT.done : EXIT.nothingFound;
};

function describe({ checks }: Diagnosis, color: boolean): string {
  const colors = pc.createColors(color && pc.isColorSupported && process.stdout.isTTY === true);
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, ok, detail, next }) => {
    const mark = ok ? colors.green('ok') : colors.red(' !');
    const line = `${mark}  ${name.padEnd(width)}  ${detail}`;
    return next === null ? [line] : [line, `${' '.repeat(width + 6)}next: ${next}`];
  });
  return `${lines.join('\n')}\n`;
}
