/**
 * What a standby does once while it waits: it runs the index's searches in a database of no file. The first searches
 * of an owner take three times as long as later ones, and after a kill every reader waits for one.
 */
export async function rehearse(signal: AbortSignal): Promise<void> {
  const [{ openInMemory }, index] = await Promise.all([
    import('../engine/memory.ts'),
    import('../search/index.ts'),
  ]);
  if (signal.aborted) return;
  const database = await openInMemory();
  try {
    const connection = await database.connect();
    const interrupt = (): void => connection.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      await index.rehearse(connection, signal);
    } finally {
      signal.removeEventListener('abort', interrupt);
      connection.close();
    }
  } finally {
    database.close();
  }
}
