import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { zshScript } from './completion-zsh.ts';
import { EXIT, type Run } from './context.ts';
import { print } from './print.ts';

const SCRIPTS: Readonly<Record<string, () => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const run: Run = async (_context, [shell = '']) => {
  await print(SCRIPTS[shell]?.() ?? '');
  return EXIT.done;
};
