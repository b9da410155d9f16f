import { afterEach, describe, expect, it, vi } from 'vitest';
import { PondError } from '../../../src/errors.ts';
import { shareHost } from '../../../src/owner/hosts.ts';
import { pondPaths } from '../../../src/paths.ts';

const share = () =>
  shareHost({ paths: pondPaths('/tmp/hosts-test.duckdb'), version: '0', config: {}, alone: false });

afterEach(() => vi.useRealTimers());

describe('a process whose campaign failed', () => {
  it('leaves the file to others for a while where it had no room', async () => {
    vi.useFakeTimers();
    const host = share();
    const full = new PondError('DISK_FULL', 'no room');
    await host.dismiss(full);
    expect(host.unfit()).toBe(full);
    vi.advanceTimersByTime(999);
    expect(host.unfit()).toBe(full);
    vi.advanceTimersByTime(1);
    expect(host.unfit()).toBeNull();
    await host.release();
  });

  it('runs again at once where others would fail too', async () => {
    const host = share();
    await host.dismiss(new PondError('CORRUPT', 'not a DuckDB file'));
    expect(host.unfit()).toBeNull();
    await host.release();
  });
});
