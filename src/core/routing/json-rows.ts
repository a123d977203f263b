/**
 * Objects of a large JSON document, one after the other, from pieces of any size: the members of its top object that are objects, and the
 * elements of those that are arrays of objects. The document as a whole is never in memory.
 */

/** Takes the name of the member of the top object, and one object in it. */
export type VisitRow = (member: string, row: unknown) => void

/** Rows of VRPs have some hundred octets; what is longer is another kind of file. */
const MAX_ROW = 1_000_000
const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [34, 92, 123, 125, 91, 93]

export class JsonRows {
  readonly #visit: VisitRow
  /** Open braces and brackets, outermost first. */
  readonly #open: number[] = []
  #isInString = false
  #isEscaped = false
  /** The newest string outside of rows: in the end the name of the member. */
  #name = ''
  #nameStart = -1
  /** Depth of the object that is being read as a row; 0 outside. */
  #rowDepth = 0
  #parts: Uint8Array[] = []
  #size = 0

  constructor(visit: VisitRow) {
    this.#visit = visit
  }

  /** Reads a piece. Throws SyntaxError for what is not JSON, and RangeError for a row that is too long. */
  push(piece: Uint8Array): void {
    let rowStart = this.#rowDepth > 0 ? 0 : -1
    if (this.#nameStart >= 0) this.#nameStart = 0
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] ?? 0
      if (this.#isInString) this.#inString(piece, at, byte)
      else if (byte === QUOTE) {
        this.#isInString = true
        if (this.#rowDepth === 0 && this.#open.length === 1) {
          this.#name = ''
          this.#nameStart = at + 1
        }
      } else if (byte === OPEN || byte === OPEN_LIST) {
        this.#open.push(byte)
        if (this.#rowDepth === 0 && byte === OPEN && this.#isRow()) {
          this.#rowDepth = this.#open.length
          rowStart = at
        }
      } else if (byte === CLOSE || byte === CLOSE_LIST) {
        const opened = this.#open.pop()
        if (opened !== byte - 2) throw new SyntaxError('unbalanced brackets')
        if (this.#rowDepth === this.#open.length + 1) {
          this.#keep(piece.subarray(rowStart, at + 1))
          this.#endRow()
          rowStart = -1
        }
      }
    }
    if (this.#rowDepth > 0) this.#keep(piece.subarray(rowStart))
    if (this.#nameStart >= 0) this.#name += latin1(piece.subarray(this.#nameStart))
  }

  /** Ends the document. Throws SyntaxError if it is not complete. */
  end(): void {
    if (this.#open.length > 0 || this.#isInString) throw new SyntaxError('the document ends early')
  }

  #inString(piece: Uint8Array, at: number, byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === BACKSLASH) this.#isEscaped = true
    else if (byte === QUOTE) {
      this.#isInString = false
      if (this.#nameStart < 0) return
      this.#name += latin1(piece.subarray(this.#nameStart, at))
      this.#nameStart = -1
    }
  }

  /** Returns true if the object that has just begun is a member of the top object, or an element of such a member. */
  #isRow(): boolean {
    if (this.#open[0] !== OPEN) return false
    return this.#open.length === 2 || (this.#open.length === 3 && this.#open[1] === OPEN_LIST)
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length
    if (this.#size > MAX_ROW) throw new RangeError('a row is longer than a megabyte')
    this.#parts.push(part)
  }

  #endRow(): void {
    const [first] = this.#parts
    const bytes = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts)
    this.#parts = []
    this.#size = 0
    this.#rowDepth = 0
    this.#visit(this.#name, JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')))
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
