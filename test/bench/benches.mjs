/** The table of benches. A bench is `run(world)`, which resolves to rows for the table that `run.mjs` prints. */
export const BENCHES = [
  { id: '1', title: 'routed against in-process', limit: 120, load: () => import('./routed-query.mjs') },
  {
    id: '2',
    title: 'routed against open-query-close',
    limit: 120,
    load: () => import('./open-per-query.mjs'),
  },
  { id: '3', title: 'SIGKILL of the owner', limit: 300, load: () => import('./failover.mjs') },
  { id: '4', title: 'onepond search as a whole process', limit: 240, load: () => import('./cli-search.mjs') },
  { id: '5', title: 'indexing a source tree', limit: 240, load: () => import('./indexing.mjs') },
  { id: '6', title: 'search through the socket', limit: 240, load: () => import('./search-latency.mjs') },
  { id: '7', title: 'many writers', limit: 120, load: () => import('./writers.mjs') },
  { id: '8', title: 'searches beside heavy work', limit: 240, load: () => import('./fairness.mjs') },
];
