/** How far a long command is: one line on stderr, on a terminal only, gone when the command is done. */

export interface Progress {
  /** Replaces what was shown; `done` of `total` when both are known. */
  step(what: string, done?: number, total?: number): void
  /** Takes the line away. */
  clear(): void
}

export const silentProgress: Progress = { step: () => undefined, clear: () => undefined }

/** Columns without which a bar takes the place of the words. */
const ROOM = 60
const WIDTH = 20

/** `[#####---------------]  25% ` */
function barOf(done: number, total: number): string {
  const part = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
  const full = Math.floor(part * WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${String(Math.floor(part * 100)).padStart(3)}% `
}

/** A line that each step replaces; silent when `stream` is no terminal. */
export function progressOn(stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>): Progress {
  if (!stream.isTTY) return silentProgress
  let shown = ''
  const clear = (): void => {
    if (shown !== '') stream.write('\r\u001b[K')
    shown = ''
  }
  return {
    clear,
    step: (what, done, total) => {
      // a terminal that nobody told its size says 0
      const columns = stream.columns || 80
      const count = done === undefined ? '' : ` ${done}${total === undefined ? '' : `/${total}`}`
      const bar = done === undefined || total === undefined || columns < ROOM ? '' : barOf(done, total)
      const line = `${bar}${what}${count}`.slice(0, Math.max(1, columns - 1))
      if (line === shown) return
      clear()
      stream.write(line)
      shown = line
    },
  }
}
