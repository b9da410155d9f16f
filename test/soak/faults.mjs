/** What a schedule can do at one step. `hand` has the crew, the disk and the random choices of the round. */
const ACTS = {
  nothing: () => undefined,
  killOwner: (hand) => hand.kill(hand.owner()),
  killAny: (hand) => hand.kill(hand.any()),
  /** With the owner, whoever may be its successor. */
  killTwo(hand) {
    hand.kill(hand.owner());
    hand.kill(hand.any());
  },
  terminateOwner: (hand) => hand.kill(hand.owner(), 'SIGTERM'),
  stopOwner: (hand) => hand.stop(hand.owner(), hand.random.between(50, 2500)),
  stopAny: (hand) => hand.stop(hand.any(), hand.random.between(50, 2500)),
  reopenOwner: (hand) => hand.owner()?.order('reopen'),
  reopenAny: (hand) => hand.any()?.order('reopen'),
  exitOwner: (hand) => hand.exit(hand.owner()),
  /** `onepond stop`: the owner leaves, and its program lives on. */
  askOwnerToLeave: (hand) => hand.askOwnerToLeave(),
  fillDisk: (hand) => hand.disk.fill(hand.random.between(0, 200)),
  freeDisk: (hand) => hand.disk.free(),
  editTree: (hand) => hand.tree.edit(hand.random),
};

/** At which passage a worker ends at a named point, at most: some are passed once a life, some with each call. */
const PASSAGES = {
  'election.listening': 1,
  'election.locked': 1,
  'election.opened': 1,
  'election.counted': 1,
  'election.published': 1,
  'commit.ready': 60,
  'commit.done': 60,
  call: 120,
  answer: 120,
  'leave.drained': 1,
  'leave.let-go': 1,
};
const INDEX_PASSAGES = { 'index.batch': 6, 'index.ready': 6, 'index.done': 6, 'index.watch': 1 };

/** Gear with one point, each in turn, in an order of the seed's. */
function pointGear(passages, action) {
  return (random) => {
    const deck = random.shuffled(Object.keys(passages));
    return (number) => {
      const point = deck[number % deck.length];
      const nth = random.between(1, passages[point]);
      return {
        point,
        endsThread: action === 'end',
        env: { ONEPOND_FAILPOINTS: `${point}=${action}#${nth}` },
      };
    };
  };
}

/** DuckDB writes its file anew so often that a full disk meets it there, and not in its log alone. */
const EAGER = { checkpoint_threshold: '64KB' };

const noGear = () => () => ({});

/**
 * The families of faults, one round each:
 * - `acts`: by name, each as often as it stands here
 * - `gear`: what a new worker gets, by its number: `env`, `point`, `endsThread`, `config` of DuckDB, `fileLimit` in KB, `isSkewed`
 * - `pause`: between two acts, in ms
 * - `errors`: codes that a call may end in here, beside the usual
 * - `uses`: the handles that a worker opens, unless they are the usual ones
 * - `impatience`: the share of calls, from 0 to 1, whose caller gives up within some ms
 */
export const FAMILIES = {
  kill: { acts: ['killOwner', 'killOwner', 'killAny', 'killTwo'], gear: noGear, pause: [100, 900] },
  points: {
    acts: ['reopenOwner', 'killOwner', 'askOwnerToLeave', 'nothing', 'nothing'],
    gear: pointGear(PASSAGES, 'kill'),
    pause: [200, 700],
    errors: ['CLOSED'],
  },
  stop: {
    acts: ['stopOwner', 'stopOwner', 'stopAny', 'killOwner', 'nothing'],
    gear: pointGear(PASSAGES, 'stop'),
    pause: [200, 1200],
    errors: ['OWNER_UNRESPONSIVE', 'OWNER_UNREACHABLE'],
  },
  handover: {
    acts: ['reopenOwner', 'reopenAny', 'exitOwner', 'askOwnerToLeave', 'terminateOwner'],
    gear: noGear,
    pause: [100, 700],
    errors: ['CLOSED'],
  },
  answers: {
    acts: ['nothing', 'nothing', 'killOwner', 'reopenOwner'],
    gear: () => () => ({ env: { ONEPOND_FAILPOINTS: 'answer=drop@0.05' } }),
    pause: [300, 1000],
    errors: ['CLOSED'],
  },
  clock: {
    acts: ['killOwner', 'reopenOwner', 'killAny', 'nothing'],
    gear: (random) => () => ({ isSkewed: true, env: { SOAK_CLOCK: String(random.between(1, 1e6)) } }),
    pause: [200, 900],
    errors: ['CLOSED'],
  },
  disk: {
    acts: ['fillDisk', 'fillDisk', 'freeDisk', 'freeDisk', 'killOwner', 'reopenOwner'],
    gear: () => (number) => (number % 2 === 0 ? { config: EAGER } : {}),
    pause: [200, 900],
    errors: ['DISK_FULL', 'CLOSED'],
    needsSmallDisk: true,
  },
  quota: {
    acts: ['killOwner', 'reopenOwner', 'nothing', 'nothing'],
    // In KB. The file of the database grows past the lower ones, its log past the others.
    gear: (random) => (number) =>
      number % 3 === 2 ? {} : { fileLimit: random.between(40, 900), config: EAGER },
    pause: [300, 1200],
    errors: ['DISK_FULL', 'CLOSED'],
  },
  impatient: {
    acts: ['killOwner', 'stopOwner', 'reopenOwner', 'nothing', 'nothing'],
    gear: noGear,
    pause: [300, 1200],
    errors: ['ABORTED', 'OWNER_UNRESPONSIVE', 'OWNER_UNREACHABLE', 'CLOSED'],
    impatience: 0.4,
  },
  attach: {
    acts: ['killOwner', 'reopenOwner', 'stopAny', 'nothing'],
    gear: noGear,
    pause: [200, 900],
    uses: ['shared', 'attached', 'rival'],
    // One process has the second file: the others are told who.
    errors: ['OWNER_UNREACHABLE', 'OWNER_UNRESPONSIVE', 'CLOSED'],
  },
  slow: {
    acts: ['killOwner', 'reopenOwner', 'exitOwner', 'askOwnerToLeave', 'nothing'],
    gear: noGear,
    pause: [400, 1500],
    uses: ['shared', 'alone', 'slow'],
    // A statement that no interrupt reaches keeps the file in a process that wants to leave.
    errors: ['ABORTED', 'CLOSED', 'OWNER_UNREACHABLE', 'OWNER_UNRESPONSIVE'],
    impatience: 0.1,
  },
  thread: {
    acts: ['killOwner', 'reopenOwner', 'nothing', 'nothing', 'nothing'],
    gear: pointGear({ 'commit.ready': 60, 'commit.done': 60, call: 120, answer: 120 }, 'end'),
    pause: [300, 1000],
    errors: ['CLOSED'],
  },
  index: {
    acts: ['editTree', 'editTree', 'killOwner', 'reopenOwner'],
    gear: pointGear(INDEX_PASSAGES, 'kill'),
    pause: [200, 800],
    errors: ['CLOSED'],
    hasTree: true,
  },
};

export function act(name, hand) {
  return ACTS[name](hand);
}
