/** Reads that may wait for ever for another program: of a named pipe, a process substitution or a device that the user names. */
import { statSync } from 'node:fs'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs `read`, which opens or reads a path of the user. Where this is no regular file, SIGINT, SIGTERM and SIGHUP end the process meanwhile as
 * the system does by default: the thread that waits could not run the handlers of the program, and would wait on.
 */
export function readBlocking<T>(path: string, read: () => T): T {
  if (isRegular(path)) return read()
  const handlers = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const)
  // without a listener the system has its default again
  for (const signal of SIGNALS) process.removeAllListeners(signal)
  try {
    return read()
  } finally {
    for (const [signal, listeners] of handlers) for (const listener of listeners) process.on(signal, listener)
  }
}

/** Returns true for what is read without waiting; also for what does not exist, which fails at once. */
function isRegular(path: string): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found === undefined || found.isFile() || found.isDirectory()
  } catch {
    return true
  }
}
