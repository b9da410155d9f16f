import { randomUUID } from 'node:crypto';
import { type Message, PortMessageWriter } from 'vscode-jsonrpc/node';
import { PondError } from '../errors.ts';
import { MAX_MESSAGE_BYTES } from '../protocol.ts';
import { textRowsOf, withRows } from '../text-rows.ts';

/**
 * The limit of a message, before it is sent. It holds on a port between threads too, where nothing but this needs
 * it: a call must not work in the process that owns the file and fail in all others.
 */

/** Says which error of the writer is a message over the limit: vscode-jsonrpc keeps an error's message only. */
export const OVER_LIMIT = `the message is over the limit of ${MAX_MESSAGE_BYTES} bytes`;

/** Stands for the rows of a large answer in the text around them. */
const MARK = JSON.stringify(randomUUID());

/**
 * The content of a frame in parts, or the answer that reports that it is too large. The first part says how long
 * all of them are.
 * @throws PondError TOO_LARGE for a request
 */
export function partsWithin(message: Message): readonly [head: string, ...rest: (string | Uint8Array)[]] {
  const large = textRowsOf(message);
  const text = stringify(large ? withRows(message, JSON.parse(MARK)) : message);
  const length = text === null ? Number.POSITIVE_INFINITY : Buffer.byteLength(text);
  const total = large ? length - MARK.length + large.bytes : length;
  if (text === null || total > MAX_MESSAGE_BYTES) {
    const refusal = JSON.stringify(refusalOf(message));
    return [`${headerOf(refusal.length)}${refusal}`];
  }
  if (!large) return [`${headerOf(length)}${text}`];
  const [before = '', after = ''] = text.split(MARK);
  return [`${headerOf(total)}${before}[`, ...large.pieces, `]${after}`];
}

const headerOf = (length: number): string => `Content-Length: ${length}\r\n\r\n`;

/**
 * Writes to a port what a socket would take. The rows of a large answer cross as bytes: cloning them would hold this
 * thread for as long as parsing. Their size was counted when they were made.
 */
export class LimitedPortWriter extends PortMessageWriter {
  override write(message: Message): Promise<void> {
    const large = textRowsOf(message);
    if (large) return super.write(withRows(message, { pieces: large.pieces }));
    if (roomBeside(message, MAX_MESSAGE_BYTES) >= 0) return super.write(message);
    const text = stringify(message);
    const fits = text !== null && Buffer.byteLength(text) <= MAX_MESSAGE_BYTES;
    return super.write(fits ? message : (refusalOf(message) as Message));
  }
}

/** @throws PondError TOO_LARGE unless the message is an answer */
function refusalOf(message: Message): object {
  if (!('result' in message) || !('id' in message)) throw new PondError('TOO_LARGE', OVER_LIMIT);
  const error = { code: -32000, message: OVER_LIMIT, data: { code: 'TOO_LARGE', hint: 'use stream()' } };
  return { jsonrpc: '2.0', id: message.id, error };
}

/** Null where the text is longer than a JavaScript string can be. */
function stringify(message: Message): string | null {
  try {
    return JSON.stringify(message);
  } catch (error) {
    if ((error as Error).name === 'RangeError') return null;
    throw error;
  }
}

/** A character as JSON may write it: `\u001f`. */
const CHARACTER = 6;
/** A number, a boolean or null, with its comma. */
const SCALAR = 26;

/** What is left of `room`, in bytes, beside the value as JSON; negative where there may not be enough. */
function roomBeside(value: unknown, room: number): number {
  if (typeof value === 'string') return room - value.length * CHARACTER - 3;
  if (typeof value !== 'object' || value === null) return room - SCALAR;
  let left = room - 3;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && left >= 0; i++) left = roomBeside(value[i], left);
    return left;
  }
  for (const key in value) {
    if (left < 0) break;
    left = roomBeside((value as Readonly<Record<string, unknown>>)[key], left - key.length * CHARACTER - 4);
  }
  return left;
}
