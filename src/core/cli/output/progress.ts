/** How far a long command is: one line on stderr, on a terminal only, gone when the command is done. */

export interface Progress {
  /** Replaces what was shown; `done` of `total` when both are known. */
  step(what: string, done?: number, total?: number): void
  /** Takes the line away. */
  clear(): void
}

export const silentProgress: Progress = { step: () => undefined, clear: () => undefined }

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
      const count = done === undefined ? '' : ` ${done}${total === undefined ? '' : `/${total}`}`
      const line = `${what}${count}`.slice(0, Math.max(1, (stream.columns ?? 80) - 1))
      if (line === shown) return
      clear()
      stream.write(line)
      shown = line
    },
  }
}
