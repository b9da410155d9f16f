import fc from 'fast-check';
import { describe, it, onTestFinished } from 'vitest';
import { openPlace } from '../contract/place.ts';
import { Model } from './model.ts';
import { Real } from './real.ts';
import { STEPS } from './steps.ts';

describe('the router, against a model of what its caller may believe', () => {
  it('does each write once, reports each lost transaction until its end, and no outcome that is not so', async () => {
    const sequences = fc.commands([...STEPS], { maxCommands: 25 });
    await fc.assert(
      fc.asyncProperty(sequences, async (commands) => {
        const real = new Real(await openPlace());
        onTestFinished(() => real.end());
        await real.serve();
        await real.run('CREATE TABLE t (n INTEGER)');
        const model = new Model();
        await fc.asyncModelRun(() => ({ model, real }), commands);
        if (model.open) await real.run('ROLLBACK');
        model.open = null;
        model.check(await real.rows());
        await real.end();
        // What was cut off is over by now, whoever waited for it.
        await real.settled();
        model.check(await real.truth());
      }),
      { numRuns: 40 },
    );
  });
});
