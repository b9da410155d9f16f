import { expect, test } from 'vitest';
import { openTestIndex, tempTree } from './fixture.ts';

test('an update puts the postings in order once many are not, and searches find the same', async () => {
  const root = tempTree({ 'a.txt': 'heron and bittern', 'b.txt': 'heron' });
  const { index, connect } = await openTestIndex();
  await index.update({ root });
  const { hits } = await index.search({ query: 'heron bittern' });
  const connection = await connect();
  await connection.run(`
    INSERT INTO _onepond.postings SELECT (hash(i) % 1000)::BIGINT AS term, -i, 1, 1 FROM range(300000) t(i)`);
  const phases: string[] = [];
  await index.update({ root }, { onProgress: ({ phase }) => phases.push(phase) });
  expect(phases).toContain('sort');
  const [row] = await connection.all(`
    SELECT count(*) FILTER (term < before) AS unordered
    FROM (SELECT term, lag(term) OVER (ORDER BY rowid) AS before FROM _onepond.postings)`);
  expect(Number(row?.unordered)).toBe(0);
  expect((await index.search({ query: 'heron bittern' })).hits).toEqual(hits);
  phases.length = 0;
  await index.update({ root }, { onProgress: ({ phase }) => phases.push(phase) });
  expect(phases).not.toContain('sort');
});
