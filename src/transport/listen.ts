import { renameSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { fromSystem, PondError } from '../errors.ts';

/** A listening socket. */
export interface Listener {
  readonly path: string;
  /** Takes no more connections and removes the path. Those accepted live on. */
  close(): void;
}

/**
 * Listens on `path`, which must be new: a path is one ownership's alone.
 *
 * The path is bound under another name and renamed. Node removes the name that it has bound when the thread ends,
 * whatever ended it; the renamed one stays, and refuses. So a thread that has died in a living process looks like
 * one that was killed, and not like one whose path a cleaner of temporary folders has removed.
 * @throws PondError PERMISSION where the system refuses sockets, INVALID
 */
export function listen(path: string, onSocket: (socket: Socket) => void): Promise<Listener> {
  const server = createServer(onSocket);
  const bound = process.platform === 'win32' ? path : draftOf(path);
  return new Promise((listening, failed) => {
    const fail = (error: unknown): void => failed(fromSystem(error, `cannot listen on ${path}`));
    server.once('error', fail);
    server.listen(bound, () => {
      server.removeAllListeners('error');
      // Accept errors (EMFILE) end one attempt of one client; the server goes on.
      server.on('error', () => undefined);
      try {
        if (bound !== path) renameSync(bound, path);
      } catch (error) {
        server.close();
        return fail(error);
      }
      const close = (): void => {
        server.close();
        if (bound !== path) rmSync(path, { force: true });
      };
      listening({ path, close });
    });
  });
}

/** Of the same length: there is no room for a longer one. */
const draftOf = (path: string): string => `${path.slice(0, -1)}~`;

/** The longest socket path that every supported system takes: macOS has room for 103 bytes, Linux for 107. */
export const MAX_SOCKET_PATH = process.platform === 'linux' ? 107 : 102;

/** Node listens on a truncated name without an error where the path is a little too long. */
export function checkSocketPath(path: string): string {
  const length = Buffer.byteLength(path);
  if (process.platform === 'win32' || length <= MAX_SOCKET_PATH) return path;
  throw new PondError(
    'INVALID',
    `the socket path has ${length} bytes, ${MAX_SOCKET_PATH} are allowed: ${path}`,
    {
      hint: 'set ONEPOND_RUNTIME_DIR to a folder with a shorter path',
    },
  );
}
