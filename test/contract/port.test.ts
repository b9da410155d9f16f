import { MessageChannel } from 'node:worker_threads';
import { portChannel } from '../../src/transport/channel.ts';
import { openPeer } from '../../src/transport/peer.ts';
import { type Connect, greet } from './place.ts';
import { describeContract, describeOnce } from './suite.ts';
import { describeWire } from './wire.ts';

const connect: Connect = ({ owner }, hello) => {
  const { port1, port2 } = new MessageChannel();
  owner.receive(portChannel(port2));
  return greet(openPeer(portChannel(port1)), hello);
};

describeContract('the service over a port', connect);
describeOnce('the service over a port', connect);
describeWire('a port', connect);
