/**
 * A page that is read and drawn again and again until a key ends it.
 * Invariant: one read at a time, and however the program ends, the terminal is as it was before.
 */
import { setTimeout as pause } from 'node:timers/promises'

export interface WatchTerminal {
  readonly input: Pick<NodeJS.ReadStream, 'on' | 'off' | 'setRawMode' | 'pause' | 'resume'>
  readonly output: Pick<NodeJS.WriteStream, 'write' | 'rows' | 'on' | 'off'>
}

export interface Watched<T> {
  readonly seconds: number
  readonly read: () => Promise<T>
  /** Returns the page; called again for the same value if the size of the terminal changes. */
  readonly show: (value: T) => Promise<string>
}

/** Takes and leaves the second screen of the terminal, without a cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const END_OF_LINE = '\u001b[K'
const END_OF_SCREEN = '\u001b[J'
/** In raw mode Ctrl-C and Ctrl-D are characters. */
const END_KEYS = ['q', 'Q', '\u0003', '\u0004'] as const
/** Escape sequences of other keys, such as arrows; the letters in them do not count as keys. */
const ESC = '\u001b'
const SEQUENCES = new RegExp(`${ESC}[[O][0-9;]*[A-Za-z~]`, 'g')

/** Draws until `q`, Ctrl-C, Ctrl-D or the end of the input, and returns the last value. Throws what the first read throws. */
export async function watchScreen<T>({ seconds, read, show }: Watched<T>, terminal: WatchTerminal): Promise<T> {
  const { input, output } = terminal
  const stop = new AbortController()
  const onKey = (bytes: Buffer): void => {
    const keys = bytes.toString('latin1').replace(SEQUENCES, '')
    if (END_KEYS.some((key) => keys.includes(key))) stop.abort()
  }
  const onEnd = (): void => stop.abort()
  let value = await read()
  const draw = async (): Promise<void> => void output.write(pageText(await show(value), output.rows || 24))
  const onResize = (): void => void draw()
  const restore = (): void => {
    input.setRawMode(false)
    output.write(LEAVE)
  }
  process.once('exit', restore)
  input.setRawMode(true)
  input.on('data', onKey)
  input.on('end', onEnd)
  input.resume()
  output.on('resize', onResize)
  output.write(ENTER)
  try {
    for (;;) {
      await draw()
      if (!(await passes(seconds, stop.signal))) return value
      value = await read()
      if (stop.signal.aborted) return value
    }
  } finally {
    process.off('exit', restore)
    output.off('resize', onResize)
    input.off('data', onKey)
    input.off('end', onEnd)
    input.pause()
    restore()
  }
}

/** Resolves to true after the time, to false as soon as `signal` ends it. */
async function passes(seconds: number, signal: AbortSignal): Promise<boolean> {
  return pause(seconds * 1000, true, { signal }).catch(() => false)
}

/** Returns the page over what the screen shows: without flicker, and without the lines that it has no row for. */
function pageText(text: string, rows: number): string {
  const lines = text.split('\n')
  const fits = lines.length <= rows
  const shown = fits ? lines : [...lines.slice(0, Math.max(0, rows - 1)), `… ${lines.length - rows + 1} more lines`]
  return `${HOME}${shown.map((line) => `${line}${END_OF_LINE}`).join('\r\n')}${END_OF_SCREEN}`
}
