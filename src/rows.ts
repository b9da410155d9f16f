import type { ValueForm } from './shapes.ts';
import { type Rows, TextRows } from './text-rows.ts';
import { decode, isScalar, type Revive } from './values.ts';

/**
 * Row objects from their wire form. DuckDB's value objects need the driver, which is loaded for them alone: a
 * reader does without it.
 */
export async function toRows<R>(names: readonly string[], wire: Rows, form: ValueForm = 'js'): Promise<R[]> {
  const read = form === 'json' ? (value: unknown) => value : await reader(form);
  const rows = wire instanceof TextRows ? wire.toJSON() : wire;
  return rows.map((row) => {
    const object: Record<string, unknown> = {};
    // A column may be called __proto__.
    names.forEach((name, i) => {
      if (name === '__proto__')
        Object.defineProperty(object, name, { value: read(row[i]), enumerable: true });
      else object[name] = read(row[i]);
    });
    return object as R;
  });
}

async function reader(form: ValueForm): Promise<(value: unknown) => unknown> {
  const revive: Revive | undefined =
    form === 'duckdb' ? (await import('./engine/revive.ts')).reviveDriverValue : undefined;
  return (value) => (isScalar(value) ? value : decode(value, revive));
}
