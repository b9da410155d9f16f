import { parentPort } from 'node:worker_threads';
import { type AnalyzeRequest, analyze } from './analyze.ts';

/** The entry of a tokenizer thread: one request, one answer, in their order. */
parentPort?.on('message', (request: AnalyzeRequest) => {
  const analysis = analyze(request);
  const { term, chunk, frequency, length } = analysis.postings;
  parentPort?.postMessage(analysis, [term.buffer, chunk.buffer, frequency.buffer, length.buffer]);
});
