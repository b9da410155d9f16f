import type { JsValue } from '../engine/connection.ts';
import type { SearchParams } from '../protocol.ts';
import { globToPattern } from './glob.ts';

/** A condition over the rows of `_onepond.chunks`; empty where all count. */
export interface Filter {
  readonly where: string;
  readonly params: readonly JsValue[];
}

/** @throws PondError INVALID for a glob that is none */
export function filterOf({ path = [], lang = [] }: Pick<SearchParams, 'path' | 'lang'>): Filter {
  const params: JsValue[] = [];
  const conditions: string[] = [];
  if (path.length > 0) {
    params.push(path.map(globToPattern).join('|'));
    conditions.push(`regexp_full_match(path, $${params.length})`);
  }
  if (lang.length > 0) {
    const names = lang.map((name) => `$${params.push(name.toLowerCase())}`);
    conditions.push(`lang IN (${names.join(', ')})`);
  }
  return { where: conditions.join(' AND '), params };
}
