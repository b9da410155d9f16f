import { existsSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { socketChannel } from '../../src/transport/channel.ts';
import { dial } from '../../src/transport/dial.ts';
import { listen } from '../../src/transport/listen.ts';
import { type Connect, greet } from './place.ts';
import { describeContract, describeOnce } from './suite.ts';
import { describeWire } from './wire.ts';

const connect: Connect = async ({ owner, socket }, hello) => {
  if (!existsSync(socket)) {
    const listener = await listen(socket, (accepted) =>
      owner.receive(socketChannel(accepted, { pauseWhenFull: true })),
    );
    onTestFinished(() => listener.close());
  }
  const dialled = await dial(socket, new AbortController().signal);
  if (dialled.kind !== 'connected') throw new Error(`the socket is ${dialled.kind}`);
  return greet(dialled.peer, hello);
};

describeContract('the service over a socket', connect);
describeOnce('the service over a socket', connect);
describeWire('a socket', connect);
