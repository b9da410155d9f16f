/** A row in wire form. */
type Row = readonly unknown[];

/**
 * The rows of a large answer, as the pieces of one JSON array. A row of numbers takes ten times as much memory as
 * JavaScript arrays than as text, and a text of 60 MB that is made in one step holds a thread for a second. These
 * pieces are made chunk by chunk, lie outside the heap, and are sent as they are.
 */
export class TextRows {
  /** UTF-8; together they are what stands between the brackets. */
  readonly pieces: Uint8Array[] = [];
  /** Of the whole array, in bytes. */
  bytes = 2;

  add(rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const text = JSON.stringify(rows).slice(1, -1);
    const piece = Buffer.from(this.pieces.length > 0 ? `,${text}` : text);
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  /** For those who get them without a wire in between. */
  toJSON(): Row[] {
    return parsePieces(this.pieces);
  }
}

/** The rows of one answer: as they are, or where they are many, as text. */
export type Rows = readonly Row[] | TextRows;

export function parsePieces(pieces: readonly Uint8Array[]): Row[] {
  const rows: Row[] = [];
  for (const [i, piece] of pieces.entries()) {
    const text = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString(
      'utf8',
      i > 0 ? 1 : 0,
    );
    for (const row of JSON.parse(`[${text}]`) as Row[]) rows.push(row);
  }
  return rows;
}

interface Answer {
  readonly result?: { readonly rows?: unknown } | null;
}

/** The text rows of an answer, where it has any. */
export function textRowsOf(message: object): TextRows | undefined {
  const rows = (message as Answer).result?.rows;
  return rows instanceof TextRows ? rows : undefined;
}

/** The same answer with something else in the place of its rows. */
export function withRows<M extends object>(message: M, rows: unknown): M {
  return { ...message, result: { ...(message as Answer).result, rows } };
}

/** The pieces of text rows that have come from another thread. */
export function piecesOf(message: object): readonly Uint8Array[] | undefined {
  const rows = (message as Answer).result?.rows as { readonly pieces?: readonly Uint8Array[] } | undefined;
  return rows?.pieces;
}
