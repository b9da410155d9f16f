import { parentPort, workerData } from 'node:worker_threads';
import { fromSystem, PondError } from '../errors.ts';
import { createLog } from '../log.ts';
import { portChannel } from '../transport/channel.ts';
import { Candidate } from './candidate.ts';
import {
  type CampaignEnd,
  type FromWorker,
  PHASE,
  type Phase,
  type ToWorker,
  type WorkerData,
} from './messages.ts';

/** The entry of the owner's thread: a candidate, driven by its host. */

const { phase, ...setup } = workerData as WorkerData;
const log = createLog(setup.paths.log);
const tell = (message: FromWorker): void => parentPort?.postMessage(message);

function enter(name: Phase): void {
  Atomics.store(phase, 0, PHASE[name]);
  Atomics.notify(phase, 0);
  if (name === 'stuck') tell({ type: 'stuck' });
}

const candidate = new Candidate(setup, {
  log,
  onPhase: enter,
  onCompromised: () => tell({ type: 'compromised' }),
  onHeld: (pid) => tell({ type: 'held-by', pid }),
});

const HANDLERS: {
  readonly [T in ToWorker['type']]: (message: Extract<ToWorker, { type: T }>) => Promise<void>;
} = {
  async 'stand-by'() {
    tell({ type: 'standing-by', socket: await candidate.standBy() });
    // After the answer: the others must know where to dial, were the owner to go meanwhile.
    await candidate.rehearse();
  },
  async campaign({ timeout }) {
    tell({ type: 'campaign', ...(await campaign(timeout)) });
  },
  async connect({ port }) {
    candidate.receive(portChannel(port));
  },
  async leave() {
    await candidate.leave();
    process.exit();
  },
  async exit() {
    await candidate.leaveAtOnce();
  },
};

async function campaign(timeout: number): Promise<CampaignEnd> {
  try {
    return await candidate.campaign(timeout);
  } catch (error) {
    const known = fromSystem(error, `cannot own ${setup.paths.db}`);
    const { code, message, hint, data } =
      known instanceof PondError ? known : new PondError('INVALID', String(known));
    log('warn', 'the campaign failed', { code, reason: message });
    return { end: 'failed', error: { code, message, ...(hint && { hint }), ...(data && { data }) } };
  }
}

// A `stop` from a client ends the ownership from within.
void candidate.left.then(() => process.exit());

parentPort?.on('message', (message: ToWorker) => {
  const handle = HANDLERS[message.type] as (message: ToWorker) => Promise<void>;
  // Whatever goes wrong here is a mistake of ours: the thread ends, and the next owner takes over.
  handle(message).catch((error: unknown) => {
    log('error', 'the owner thread failed', { reason: String(error) });
    process.exit(1);
  });
});
