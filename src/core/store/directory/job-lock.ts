/**
 * Locks of jobs that one process at a time may run, such as a push: beside the write lock, which they do not take.
 * Invariant: it is a kernel lock (flock) on a descriptor that programs started by the job inherit, so it ends with the last of them.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { makeDir, removeFile } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import { kernelLock } from './lock.js'
import { newLockOwner, writeLockOwner } from './lock-owner.js'

export interface JobRequest {
  /** Name of the job: its lock is `locks/<name>.lock`. */
  readonly name: string
  /** Seconds to wait for another process. */
  readonly timeout: number
  readonly command: string
  readonly warn: (text: string) => void
}

/** Runs `work` under the lock of a job, and gives it the descriptor that its programs must inherit. Throws `locked` after the timeout, `io`. */
export async function withJobLock<T>(
  { dir }: Pick<Layout, 'dir'>,
  { name, timeout, command, warn }: JobRequest,
  work: (fd: number) => Promise<T>,
): Promise<T> {
  const folder = join(dir, 'locks')
  makeDir(folder)
  const place = { lock: join(folder, `${name}.lock`), lockOwnerFile: join(folder, `${name}-owner.json`) }
  const { fd } = await kernelLock(place, { timeout, name: `lock of ${name}`, warn })
  try {
    writeLockOwner(place.lockOwnerFile, newLockOwner(randomBytes(16).toString('hex'), command, true))
    return await work(fd)
  } finally {
    removeFile(place.lockOwnerFile)
    fs.closeSync(fd)
  }
}
