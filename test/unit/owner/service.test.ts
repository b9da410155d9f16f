import { describe, expect, it, vi } from 'vitest';
import { createService, type ServiceContext } from '../../../src/owner/service.ts';
import type { SearchIndex } from '../../../src/search/index.ts';

/** The service of one client, over an index whose first scan of a watch ends when told. */
function watching() {
  const release = vi.fn(async () => undefined);
  const onClose = vi.fn();
  let endScan: () => void = () => undefined;
  const scan = new Promise<void>((end) => {
    endScan = end;
  });
  const index = { watch: () => scan.then(() => release) } as Partial<SearchIndex>;
  const context = { index: async () => index, isReadOnly: () => false, onClose } as Partial<ServiceContext>;
  const service = createService(context as ServiceContext);
  return { service, release, onClose, endScan };
}

describe('the service', () => {
  it('lets go of a watch whose client went during its first scan', async () => {
    const { service, release, onClose, endScan } = watching();
    const call = new AbortController();
    const answer = service['index/watch']({ root: '/tree' }, { signal: call.signal });
    call.abort();
    endScan();
    await expect(answer).rejects.toMatchObject({ code: 'ABORTED' });
    expect(release).toHaveBeenCalledTimes(1);
    expect(onClose).not.toHaveBeenCalled();
  });

  it('keeps a watch for as long as its client stays', async () => {
    const { service, release, onClose, endScan } = watching();
    endScan();
    const { signal } = new AbortController();
    expect(await service['index/watch']({ root: '/tree' }, { signal })).toEqual({});
    expect(release).not.toHaveBeenCalled();
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});
