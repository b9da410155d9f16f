import * as driver from '@duckdb/node-api';
import type { Revive } from '../values.ts';

/** A value object of the driver from its class name and fields, as `src/values.ts` carries them. */
export const reviveDriverValue: Revive = (className, fields) => {
  const driverClass = (driver as unknown as Readonly<Record<string, { prototype: object } | undefined>>)[
    className
  ];
  if (!driverClass) throw new TypeError(`@duckdb/node-api has no class ${className}`);
  const defaults = className.endsWith('Type') ? { alias: undefined } : {};
  return Object.assign(Object.create(driverClass.prototype) as object, defaults, fields);
};
