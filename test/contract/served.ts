import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { publishRecord } from '../../src/election/record.ts';
import { pondPaths } from '../../src/paths.ts';
import { socketChannel } from '../../src/transport/channel.ts';
import { listen } from '../../src/transport/listen.ts';
import { openPlace, type Place } from './place.ts';

export interface Served {
  readonly place: Place;
  /** The owner goes, and nobody follows. */
  end(): void;
}

/** A place whose owner is found by its record: what `open()` of the library finds in this very process. */
export async function servedPlace(): Promise<Served> {
  const place = await openPlace();
  const sockets = new Set<Socket>();
  const listener = await listen(place.socket, (socket) => {
    sockets.add(socket);
    place.owner.receive(socketChannel(socket, { pauseWhenFull: true }));
  });
  publishRecord(pondPaths(place.database.path), place.record);
  const end = (): void => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(end);
  return { place, end };
}
