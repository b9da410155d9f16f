import { describe, expect, it } from 'vitest';
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { ERRORS, type ErrorCode, PondError } from '../../../src/errors.ts';
import { fromWire, toWire, unknownMethod } from '../../../src/transport/wire-errors.ts';

const carried = (error: unknown): PondError | null => {
  const { code, message, data } = JSON.parse(JSON.stringify(toWire(error).toJson()));
  return fromWire(new ResponseError(code, message, data));
};

describe('an error on the wire', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('%s comes back as it went', (code) => {
    const error = new PondError(code, 'what', { hint: 'next', data: { outcome: 'unknown', position: 0 } });
    const { name, message, hint, data } = error;
    expect(carried(error)).toMatchObject({ name, code, message, hint, data });
    expect(carried(new PondError(code, 'bare'))).toMatchObject({ code, message: 'bare' });
  });

  it.each([new Error('ours'), 'a string', undefined])('a mistake of ours is told: %s', (mistake) => {
    expect(toWire(mistake).code).toBe(ErrorCodes.InternalError);
    const message = expect.stringContaining('internal error');
    expect(carried(mistake)).toMatchObject({ code: 'INVALID', message });
  });

  it('an unknown method is INVALID', () => {
    expect(unknownMethod('x').code).toBe(ErrorCodes.MethodNotFound);
    expect(carried(unknownMethod('x'))).toMatchObject({ code: 'INVALID' });
  });

  it('a code of a newer owner is INVALID and keeps its words', () => {
    const newer = new ResponseError(-32000, 'from the future', { code: 'NEW' });
    expect(fromWire(newer)).toMatchObject({ code: 'INVALID', message: 'from the future' });
  });

  it.each([ErrorCodes.MessageWriteError, ErrorCodes.PendingResponseRejected])(
    'is none where it says only that no answer came: %i',
    (code) => {
      expect(fromWire(new ResponseError(code, 'gone'))).toBeNull();
      expect(fromWire(new Error('write after end'))).toBeNull();
    },
  );
});
