import { connect } from 'node:net';
import { errnoOf } from '../errors.ts';
import { socketChannel } from './channel.ts';
import { openPeer, type Peer } from './peer.ts';

/**
 * What the kernel says of a socket path.
 * - `gone`: no such path; its owner removed it in leaving, or something cleaned it away
 * - `refused`: the path is there and nobody listens; whoever listened has died
 * - `unreachable`: the system does not let us connect (a sandbox, a permission), and `reason` is its errno; or the
 *   folder is not to be trusted. `uid` is the other user to whom it belongs
 */
export type Dialled =
  | { readonly kind: 'connected'; readonly peer: Peer }
  | { readonly kind: 'gone' | 'refused' }
  | { readonly kind: 'unreachable'; readonly reason: string; readonly uid?: number };

/** EAGAIN: the backlog is full, so somebody listens and does not accept. It is asked again until the signal. */
const BUSY_RETRY_MS = 50;
/** A backlog that stays full for so long has somebody behind it. */
const LOOK_MS = 1_000;

/** Connects to the socket. Says nothing yet: a stopped owner's kernel accepts as well as a living one's. */
export async function dial(path: string, signal: AbortSignal): Promise<Dialled> {
  for (;;) {
    const dialled = await dialOnce(path);
    if (dialled !== 'busy') return dialled;
    if (signal.aborted) return { kind: 'unreachable', reason: 'EAGAIN' };
    await new Promise((again) => setTimeout(again, BUSY_RETRY_MS));
  }
}

/** Whether the kernel says that nobody listens on a path that is there. */
export async function refuses(path: string): Promise<boolean> {
  const dialled = await dial(path, AbortSignal.timeout(LOOK_MS));
  if (dialled.kind === 'connected') dialled.peer.close();
  return dialled.kind === 'refused';
}

function dialOnce(path: string): Promise<Dialled | 'busy'> {
  return new Promise((settle) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      settle({ kind: 'connected', peer: openPeer(socketChannel(socket, { pauseWhenFull: false })) });
    });
    socket.once('error', (error) => {
      socket.destroy();
      settle(meaningOf(errnoOf(error) ?? error.message));
    });
  });
}

function meaningOf(errno: string): Dialled | 'busy' {
  // A named pipe is gone when nobody serves it, and nobody else can remove it.
  if (errno === 'ENOENT' && process.platform === 'win32') return { kind: 'refused' };
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return { kind: 'gone' };
  if (errno === 'ECONNREFUSED') return { kind: 'refused' };
  if (errno === 'EAGAIN') return 'busy';
  return { kind: 'unreachable', reason: errno };
}
