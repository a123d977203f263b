/**
 * Loaded into a real `brine` process (`node --require`): counts the file operations that change something below FAULT_ROOT, and fails, tears
 * or dies at the n-th, or at the first that is called so. Built by `faults.ts`. Invariant: without FAULT_KIND the program runs as it would alone.
 */
import { writeFileSync } from 'node:fs'
import { patchFs } from './fault-fs.js'

const { FAULT_ROOT: root = '', FAULT_AT: at = '0', FAULT_KIND: kind = '', FAULT_LOG: log = '' } = process.env
const forever = process.env['FAULT_FOREVER'] === '1'
const after = Number(process.env['FAULT_AFTER'] ?? 0)
const seen: string[] = []
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** Runs an operation unless it is the one that must not succeed. `tear` does the half of it that may reach the disk. */
function change<T>(operation: string, text: string, run: () => T, tear?: () => void): T {
  if (!text.startsWith(root)) return run()
  seen.push(`${operation} ${text.slice(root.length)}`)
  const named = seen.indexOf(at)
  const place = /^\d+$/.test(at) ? Number(at) : named < 0 ? 0 : named + 1 + after
  const isDue = kind !== '' && place > 0 && (seen.length === place || (forever && seen.length > place))
  if (!isDue) return run()
  if (kind === 'torn') tear?.()
  if (kind === 'torn' || kind === 'kill') die()
  throw Object.assign(new Error(`${kind}: injected, ${operation} '${text}'`), {
    code: kind,
    syscall: operation,
    path: text,
  })
}

patchFs(change)

process.on('exit', () => {
  if (log !== '') writeFileSync(log, seen.join('\n'))
})
