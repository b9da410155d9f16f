import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Message } from 'vscode-jsonrpc/node';
import { SocketReader, SocketWriter } from '../../../src/transport/framing.ts';

type Socket = ConstructorParameters<typeof SocketReader>[0];

function reading(): { stream: PassThrough; messages: Message[]; errors: (Error & { code?: string })[] } {
  const stream = new PassThrough();
  const messages: Message[] = [];
  const errors: (Error & { code?: string })[] = [];
  const reader = new SocketReader(stream as unknown as Socket);
  reader.onError((error) => errors.push(error));
  reader.listen((message) => messages.push(message));
  return { stream, messages, errors };
}

const frame = (text: string): Buffer =>
  Buffer.from(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
const HELLO = '{"jsonrpc":"2.0","method":"é😀"}';
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('reading frames', () => {
  it('finds a message however it is cut', async () => {
    const bytes = frame(HELLO);
    for (let cut = 1; cut < bytes.length; cut++) {
      const { stream, messages } = reading();
      stream.write(bytes.subarray(0, cut));
      stream.write(bytes.subarray(cut));
      await turn();
      expect(messages).toEqual([JSON.parse(HELLO)]);
    }
  });

  it('finds several in one piece, and one of a megabyte', async () => {
    const { stream, messages } = reading();
    const large = JSON.stringify({ jsonrpc: '2.0', method: 'x'.repeat(1_000_000) });
    stream.write(Buffer.concat([frame(HELLO), frame(HELLO), frame(large)]));
    await turn();
    expect(messages).toHaveLength(3);
  });

  it.each([
    ['TOO_LARGE', 'Content-Length: 67108865\r\n\r\n'],
    ['INVALID', 'Content-Length: -1\r\n\r\n'],
    ['INVALID', 'Length: 2\r\n\r\n{}'],
    ['INVALID', 'x'.repeat(5_000)],
    ['INVALID', 'Content-Length: 4\r\n\r\nnull'],
    ['INVALID', 'Content-Length: 2\r\n\r\n{x'],
  ])('says %s of %s', async (code, text) => {
    const { stream, messages, errors } = reading();
    stream.write(text);
    await turn();
    expect({ messages, codes: errors.map((error) => error.code) }).toEqual({ messages: [], codes: [code] });
  });
});

describe('writing frames', () => {
  it('turns an answer over the limit into TOO_LARGE, and refuses such a request', async () => {
    const stream = new PassThrough();
    const writer = new SocketWriter(stream as unknown as Socket, { pauseWhenFull: false });
    const huge = 'x'.repeat(64 * 1024 * 1024);
    await writer.write({ jsonrpc: '2.0', id: 1, result: huge } as Message);
    expect(String(stream.read())).toContain('"code":"TOO_LARGE"');
    expect(() => writer.write({ jsonrpc: '2.0', id: 2, method: 'm', params: [huge] } as Message)).toThrow(
      /limit/,
    );
  });
});
