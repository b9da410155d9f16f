import { createServer, type Socket } from 'node:net';
import { fromSystem, PondError } from '../errors.ts';

/** A listening socket. */
export interface Listener {
  readonly path: string;
  /** Takes no more connections and removes the path. Those accepted live on. */
  close(): void;
}

/**
 * Listens on `path`, which must be new: a path is one ownership's alone, because closing a server removes the
 * path even when another has come to listen there.
 * @throws PondError PERMISSION where the system refuses sockets, INVALID
 */
export function listen(path: string, onSocket: (socket: Socket) => void): Promise<Listener> {
  const server = createServer(onSocket);
  return new Promise((listening, failed) => {
    server.once('error', (error) => {
      failed(fromSystem(error, `cannot listen on ${path}`));
    });
    server.listen(path, () => {
      server.removeAllListeners('error');
      // Accept errors (EMFILE) end one attempt of one client; the server goes on.
      server.on('error', () => undefined);
      listening({ path, close: () => void server.close() });
    });
  });
}

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
