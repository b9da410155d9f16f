import { describe, expect, it, vi } from 'vitest';
import { createService, type ServiceContext } from '../../../src/owner/service.ts';
import type { SearchIndex } from '../../../src/search/index.ts';

/** The service of one client, over an index whose first scan of a watch ends when told. */
function watching() {
  const release = vi.fn(async () => undefined);
  const watches: ServiceContext['watches'] = new Map();
  let endScan: () => void = () => undefined;
  const scan = new Promise<void>((end) => {
    endScan = end;
  });
  const index = { watch: () => scan.then(() => release) } as Partial<SearchIndex>;
  const context = { index: async () => index, isReadOnly: () => false, watches } as Partial<ServiceContext>;
  const service = createService(context as ServiceContext);
  return { service, release, watches, endScan };
}

describe('the service', () => {
  it('lets go of a watch whose client went during its first scan', async () => {
    const { service, release, watches, endScan } = watching();
    const call = new AbortController();
    const answer = service['index/watch']({ root: '/tree' }, { signal: call.signal });
    call.abort();
    endScan();
    await expect(answer).rejects.toMatchObject({ code: 'ABORTED' });
    expect(release).toHaveBeenCalledTimes(1);
    expect(watches.size).toBe(0);
  });

  it('keeps a watch once, however often it is asked for, until it is let go of', async () => {
    const { service, release, watches, endScan } = watching();
    endScan();
    const { signal } = new AbortController();
    const params = { root: '/tree', watch: 1 };
    expect(await service['index/watch'](params, { signal })).toEqual({});
    expect(release).not.toHaveBeenCalled();
    await service['index/watch'](params, { signal });
    expect(release).toHaveBeenCalledTimes(1);
    await service['index/unwatch']({ watch: 2 }, { signal });
    expect(watches.size).toBe(1);
    await service['index/unwatch']({ watch: 1 }, { signal });
    expect(release).toHaveBeenCalledTimes(2);
    expect(watches.size).toBe(0);
  });
});
