import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

const NAMES = "SELECT database_name AS name FROM duckdb_databases() WHERE database_name = 'more'";

export function attachContract(contract: Contract): void {
  it('a file is shared by all who attach it at once, and made where it is not there', async () => {
    const { another, place } = await contract.open();
    const attach = { more: join(place.dir, 'more.duckdb') };
    const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => another({ attach })));
    for (const client of clients) expect(await client.rows(NAMES)).toEqual([{ name: 'more' }]);
  });

  it('a read-only client attaches what is there, and makes nothing', async () => {
    const { another, place } = await contract.open();
    const attach = { more: join(place.dir, 'more.duckdb') };
    const refused = another({ readOnly: true, attach });
    await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(existsSync(attach.more)).toBe(false);
    await another({ attach });
    const reader = await another({ readOnly: true, attach });
    expect(await reader.rows(NAMES)).toEqual([{ name: 'more' }]);
  });
}
