/** A separate process for the crash and race tests: `node child.mjs VERB DIR JSON`. Built by `buildChild` in store-process.ts. */

import { openStore } from '../../../src/core/store/commit/file-store.js'
import { acquireLock, type Locker } from '../../../src/core/store/directory/lock.js'
import { type FileOperation, onFileOperation } from '../../../src/core/store/disk/io-error.js'
import { add, wordsOf } from './store.js'

const READS: readonly FileOperation[] = ['read', 'list', 'stat']

/** Dies at the n-th operation that changes something; n counts from 1. */
function dieAt(n: number): void {
  let seen = 0
  onFileOperation((operation) => {
    if (READS.includes(operation)) return
    seen += 1
    if (seen === n) process.kill(process.pid, 'SIGKILL')
  })
}

const noLock: Locker = async () => ({ check: () => undefined, moved: () => undefined, release: async () => undefined })

/** Runs one command: dies at the requested operation, prints `ok` when the change is durable. */
async function addOnce(dir: string, options: { changes: Record<string, string[]>; dieAt: number }): Promise<void> {
  if (options.dieAt > 0) dieAt(options.dieAt)
  await openStore(dir).write(async (w) => add(w, options.changes))
  console.log('ok')
}

/** Adds words until stopped, one commit each; prints each acknowledged word. */
async function addMany(
  dir: string,
  options: { prefix: string; count: number; locked: boolean; pause?: number },
): Promise<void> {
  const store = openStore(dir, { ...(options.locked ? {} : { locker: noLock }), lockTimeout: 60 })
  for (let n = 0; n < options.count; n++) {
    const word = `${options.prefix}${n}`
    try {
      await store.write(async (w) => {
        wordsOf(w, 'x')
        // conflicts with other writers: the lock of these tests is disabled
        if (!options.locked)
          await new Promise((resolve) => setTimeout(resolve, (n * 7 + options.prefix.charCodeAt(0)) % 5))
        return add(w, n % 3 === 0 ? { x: [word], y: [word] } : { x: [word] })
      })
      console.log(`ok ${word}`)
    } catch (error) {
      const { kind, code, message } = error as { kind?: string; code?: string; message?: string }
      console.log(`no ${word} ${kind} ${code} ${message}`)
    }
    await new Promise((resolve) => setTimeout(resolve, options.pause ?? 0))
  }
}

/** Takes the lock, prints a line, and keeps it. */
async function hold(dir: string): Promise<void> {
  const { layout } = openStore(dir)
  await acquireLock(layout, { timeout: 10, command: 'brine roa add', long: false, warn: () => undefined })
  console.log('held')
  setInterval(() => undefined, 1000)
}

const [verb, dir, json] = process.argv.slice(2) as [string, string, string]
const options = JSON.parse(json)
if (verb === 'add') await addOnce(dir, options)
if (verb === 'many') await addMany(dir, options)
if (verb === 'hold') await hold(dir)
