import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = 12;
const FILES = 60;
const WORDS = [
  'owner',
  'reader',
  'fence',
  'epoch',
  'lock',
  'ledger',
  'route',
  'index',
  'batch',
  'token',
  'frame',
];

/** A source tree that is edited while it is indexed. */
export class Tree {
  folder;
  #edits = 0;

  constructor(folder, random) {
    this.folder = folder;
    for (let i = 0; i < FOLDERS; i++) {
      mkdirSync(join(folder, `part${i}`), { recursive: true });
      for (let j = 0; j < FILES; j++) this.#write(`part${i}/file${j}.ts`, random);
    }
  }

  /** Some files change, some go, some come. */
  edit(random) {
    for (let i = 0; i < 15; i++) {
      const path = `part${random.between(0, FOLDERS - 1)}/file${random.between(0, FILES + 10)}.ts`;
      if (random.next() < 0.3) rmSync(join(this.folder, path), { force: true });
      else this.#write(path, random);
    }
  }

  #write(path, random) {
    const line = () => `const ${random.pick(WORDS)}${random.between(0, 999)} = ${random.pick(WORDS)}();`;
    const lines = Array.from({ length: random.between(20, 120) }, line);
    writeFileSync(join(this.folder, path), `// edit ${++this.#edits}\n${lines.join('\n')}\n`);
  }
}
