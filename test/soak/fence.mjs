import { readFileSync, statSync } from 'node:fs';

/** Between two looks, in ms. Two holders at once would have to be both gone by the next. */
const LOOK = 10;

/** Looks at who holds the kernel's lock on a file, in Linux's own list, and keeps each look that finds two. */
export class FenceWatch {
  violations = [];
  looks = 0;
  /** Pids in the order in which they were seen. */
  holders = [];
  #file;
  #timer;

  constructor(file) {
    this.#file = file;
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  /** The process that holds the file now; undefined between two owners. */
  holder() {
    return this.#pids()[0];
  }

  end() {
    clearInterval(this.#timer);
  }

  #look() {
    const pids = this.#pids();
    this.looks++;
    if (pids.length > 1)
      this.violations.push({ what: 'fence', text: `processes ${pids.join(' and ')} hold the file at once` });
    if (pids.length === 1 && this.holders.at(-1) !== pids[0]) this.holders.push(pids[0]);
  }

  #pids() {
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    if (!stat) return [];
    const inode = `${deviceName(stat.dev)}:${stat.ino}`;
    // `1: POSIX  ADVISORY  WRITE 4242 fd:00:2228569 0 EOF`; `1: -> POSIX …` is one that waits.
    const held = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .map((line) => line.split(/\s+/));
    const ours = held.filter((words) => words[3] === 'WRITE' && words[5] === inode);
    return [...new Set(ours.map((words) => Number(words[4])))];
  }
}

/** As the kernel prints it: major and minor, in hexadecimal. */
function deviceName(dev) {
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  return [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
}
