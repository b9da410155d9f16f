import { openIndex } from '../../dist/index.js';

/** Everything that a search can find, without the numbers that rows get in the order of their coming. */
const CONTENT = {
  files: 'SELECT path, lang, size, hash, skipped FROM _onepond.files ORDER BY path',
  chunks: 'SELECT path, start_line, end_line, symbol, text FROM _onepond.chunks ORDER BY path, start_line',
  postings: `SELECT path, start_line, term::VARCHAR AS term, frequency FROM _onepond.postings
    JOIN _onepond.chunks USING (chunk) ORDER BY path, start_line, term`,
};

/** The index that was killed again and again, brought up to date, against one that was made anew. */
export async function judgeIndex(tree, file, anew) {
  const [survivor, fresh] = [await contentOf(tree, file), await contentOf(tree, anew)];
  return Object.keys(CONTENT).flatMap((table) => [
    ...without(survivor[table], fresh[table]).map((row) => ({
      what: 'index',
      text: `${table}: ${row} is too many`,
    })),
    ...without(fresh[table], survivor[table]).map((row) => ({
      what: 'index',
      text: `${table}: ${row} is missing`,
    })),
  ]);
}

/** A row that stands twice is one too many as well. */
function without(rows, others) {
  const left = new Map();
  for (const row of others) left.set(row, (left.get(row) ?? 0) + 1);
  return rows.filter((row) => {
    const count = left.get(row) ?? 0;
    left.set(row, count - 1);
    return count <= 0;
  });
}

async function contentOf(tree, db) {
  const index = await openIndex(tree, { db });
  try {
    await index.update();
    const content = {};
    for (const [table, sql] of Object.entries(CONTENT)) {
      const rows = await index.db.query(sql, [], { values: 'json' });
      content[table] = rows.map((row) => JSON.stringify(row));
    }
    return content;
  } finally {
    await index.close();
  }
}
