import { dirname } from 'node:path';

/**
 * A glob that begins with `./` or `../` is meant from the current folder, as a shell means it; every other glob is
 * relative to the root of the index. Whether it lies inside is for the owner to say, who knows the root.
 */
export function globFromHere(glob: string, folder: string): string {
  const [, not = '', plain = ''] = /^(!?)(.*)$/s.exec(glob) ?? [];
  if (!/^\.\.?(?:\/|$)/.test(plain)) return glob;
  let base = folder;
  let rest = plain;
  for (let step = /^(\.\.?)(?:\/+|$)/.exec(rest); step; step = /^(\.\.?)(?:\/+|$)/.exec(rest)) {
    if (step[1] === '..') base = dirname(base);
    rest = rest.slice(step[0].length);
  }
  return `${not}${escaped(base).replace(/\/$/, '')}/${rest}`;
}

/** The folder's own name may hold what a glob gives a meaning. */
const escaped = (path: string): string => path.replace(/[\\*?[\]{},!|]/g, '\\$&');
