import { appendFileSync } from 'node:fs';

/** From the quietest to the loudest. */
const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LEVELS)[number];

export type Log = (level: Exclude<LogLevel, 'silent'>, message: string, data?: object) => void;

/**
 * A log that appends JSON lines to `file`, at the level of `ONEPOND_LOG` (`warn` unless told).
 * Written synchronously: a worker's stdout goes through its host's event loop, which may be blocked, and the
 * last line before a crash is the one that matters. A log that cannot be written is dropped.
 */
export function createLog(file: string, level = process.env.ONEPOND_LOG ?? 'warn'): Log {
  const named = LEVELS.indexOf(level as LogLevel);
  const loudest = named >= 0 ? named : LEVELS.indexOf('warn');
  return (at, message, data) => {
    if (LEVELS.indexOf(at) > loudest) return;
    const line = JSON.stringify({
      at: new Date().toISOString(),
      level: at,
      pid: process.pid,
      message,
      ...data,
    });
    try {
      appendFileSync(file, `${line}\n`, { mode: 0o600 });
    } catch {
      // Nothing depends on the log, and there is nowhere left to say so.
    }
  };
}
