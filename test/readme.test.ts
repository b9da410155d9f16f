import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { World } from './support/world.ts';

const ROOT = new URL('../', import.meta.url).pathname;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

describe('the sample of the library in README.md', () => {
  it('runs, shows a refusal with its code, and finds what it looks for', async () => {
    const [, sample = ''] = README.match(/^```js\n(.*?)^```$/ms) ?? [];
    expect(sample).toContain("openIndex('path/to/project')");
    const world = new World();
    mkdirSync(world.path('node_modules'));
    symlinkSync(ROOT, world.path('node_modules/onepond'));
    mkdirSync(world.path('project/src'), { recursive: true });
    writeFileSync(world.path('project/src/http.js'), 'function parseHeader(line) {}\n');
    writeFileSync(world.path('sample.mjs'), sample.replace('path/to/project', 'project'));
    const { code, stdout, stderr } = await world.run(['sample.mjs']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^SQL Binder Error: .*\n$/) });
    expect(stdout).toContain('src/http.js:1 function parseHeader(line) {}');
  });
});
