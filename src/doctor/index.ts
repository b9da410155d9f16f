import type { PondPaths } from '../paths.ts';
import type { HelloParams } from '../protocol.ts';
import { CHECKS, type Finding } from './checks.ts';
import { gather } from './facts.ts';

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** The safe next step; null where there is nothing to do. */
  readonly next: string | null;
}

export interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

/**
 * Names what is wrong with a database and the safe next step. Starts nothing, and changes nothing unless told to.
 * @param fix does what is safe about what was found, and looks again; what was done stands in `detail`
 * @param timeout ms for the owner to answer
 */
export async function examine(
  paths: PondPaths,
  hello: HelloParams,
  { fix, timeout }: { readonly fix: boolean; readonly timeout: number },
): Promise<Diagnosis> {
  const facts = await gather(paths, hello, timeout);
  const findings = look(facts);
  if (!fix) return toDiagnosis(findings);
  const done = new Map(findings.flatMap(([name, { repair }]) => (repair ? [[name, repair(facts)]] : [])));
  if (done.size === 0) return toDiagnosis(findings);
  const after = look(await gather(paths, hello, timeout));
  return toDiagnosis(
    after.map(([name, finding]): [string, Finding] => {
      const what = done.get(name);
      return [name, what === undefined ? finding : { ...finding, detail: `${what}; ${finding.detail}` }];
    }),
  );
}

const look = (facts: Parameters<(typeof CHECKS)[number]['check']>[0]): [string, Finding][] =>
  CHECKS.map(({ name, check }) => [name, check(facts)]);

function toDiagnosis(findings: readonly (readonly [string, Finding])[]): Diagnosis {
  return {
    ok: findings.every(([, { ok }]) => ok),
    checks: findings.map(([name, { ok, detail, next = null }]) => ({ name, ok, detail, next })),
  };
}
