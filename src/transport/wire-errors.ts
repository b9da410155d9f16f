import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { isErrorCode, PondError, type WireError } from '../errors.ts';
import { unanswered } from '../outcome.ts';
import { OVER_LIMIT } from './message-size.ts';

/** The one JSON-RPC number for errors of the product; `data.code` tells them apart. */
const POND_ERROR = -32000;
/** What the Language Server Protocol answers to a cancelled request. */
const REQUEST_CANCELLED = -32800;

/** The only place where an error goes onto the wire. vscode-jsonrpc keeps nothing of any other class. */
export function toWire(error: unknown): ResponseError<WireError> {
  if (error instanceof ResponseError) return error as ResponseError<WireError>;
  if (error instanceof PondError) {
    const { code, hint, data } = error;
    const numeric = NUMBERS[code] ?? POND_ERROR;
    return new ResponseError(numeric, error.message, { code, ...(hint && { hint }), ...(data && { data }) });
  }
  // A mistake of ours. It must reach somebody: the caller gets it under the code for what cannot be right.
  const message = error instanceof Error ? error.message : String(error);
  return new ResponseError(ErrorCodes.InternalError, `internal error: ${message}`, { code: 'INVALID' });
}

const NUMBERS: { readonly [code: string]: number } = {
  ABORTED: REQUEST_CANCELLED,
  INVALID: ErrorCodes.InvalidParams,
};

export function unknownMethod(method: string): ResponseError<WireError> {
  return new ResponseError(ErrorCodes.MethodNotFound, `there is no method ${method}`, { code: 'INVALID' });
}

/** Nothing was sent. */
const TOO_LARGE_HINT = 'nothing was done; give the data in several calls, or have DuckDB read it from a file';

/** The only place where an error comes off the wire. Null where the answer did not come at all. */
export function fromWire(error: unknown): PondError | null {
  if (!(error instanceof ResponseError)) return null;
  const { code, message } = error;
  if (code === ErrorCodes.MessageWriteError && message === OVER_LIMIT)
    return new PondError('TOO_LARGE', message, {
      hint: TOO_LARGE_HINT,
      data: { outcome: unanswered(false) },
    });
  if (code === ErrorCodes.MessageWriteError || code === ErrorCodes.PendingResponseRejected) return null;
  const data = error.data as Partial<WireError> | null | undefined;
  if (!data || !isErrorCode(data.code)) return new PondError('INVALID', message);
  return new PondError(data.code, message, {
    ...(data.hint && { hint: data.hint }),
    ...(data.data && { data: data.data }),
  });
}
