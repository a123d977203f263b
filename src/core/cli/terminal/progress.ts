/** Progress of a long command: one line on stderr, on a terminal only, removed when the command is done. */

export interface Progress {
  /** Replaces the line; `done` of `total` if both are known. */
  step(what: string, done?: number, total?: number): void
  /** Removes the line. */
  clear(): void
}

export const silentProgress: Progress = { step: () => undefined, clear: () => undefined }

/** Width in columns below which the bar is omitted, so that the words fit. */
const ROOM = 60
const WIDTH = 20

/** `[#####---------------]  25% ` */
function barOf(done: number, total: number): string {
  const part = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
  const full = Math.floor(part * WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${String(Math.floor(part * 100)).padStart(3)}% `
}

/** Returns a progress line on `stream`, silent unless `stream` is a terminal. */
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
      // a terminal of unknown size reports 0 columns
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
