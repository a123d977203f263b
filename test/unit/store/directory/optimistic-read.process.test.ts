/** Retries of an optimistic read: only for errors, only while another writer is active, and never without end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newLockOwner, writeLockOwner } from '../../../../src/core/store/directory/lock-owner.js'
import { liveLockOwner, readWithRetry } from '../../../../src/core/store/directory/optimistic-read.js'
import { type Layout, layoutOf } from '../../../../src/core/store/disk/paths.js'

let layout: Layout
let at: number
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), 'brine-look-')))
  at = 0
})
afterEach(() => rmSync(layout.dir, { recursive: true }))

/** Leaves the traces of another process's command: its owner file was created and removed. */
function anotherCommand(): void {
  writeFileSync(layout.lockOwnerFile, '')
  rmSync(layout.lockOwnerFile)
}

/** Reads that return these results one after the other, while other commands run during the given ones. */
const look = (found: readonly string[], during: readonly number[], seconds = 5) =>
  readWithRetry(
    layout,
    () => {
      if (during.includes(at)) anotherCommand()
      return Promise.resolve(found[at++] ?? 'none')
    },
    (seen) => seen === 'wrong',
    seconds,
  )

describe('a read', () => {
  it.each([
    ['valid, while another command runs', ['right'], [0], { result: 'right', contended: false }, 1],
    ['invalid, without another writer', ['wrong', 'right'], [], { result: 'wrong', contended: false }, 1],
    [
      'invalid, because another command ran during it',
      ['wrong', 'right'],
      [0],
      { result: 'right', contended: false },
      2,
    ],
    [
      'invalid, and again invalid without another writer',
      ['wrong', 'wrong'],
      [0],
      { result: 'wrong', contended: false },
      2,
    ],
    [
      'invalid each time, each time with another writer',
      ['wrong', 'wrong', 'wrong'],
      [0, 1, 2],
      { result: 'wrong', contended: true },
      3,
    ],
  ])('%s', async (_title, found, during, expected, looks) => {
    expect(await look(found, during)).toEqual(expected)
    expect(at).toBe(looks)
  })
})

/** Takes the lock as a command of another host; the returned function ends it. */
function holder(): () => void {
  writeLockOwner(layout.lockOwnerFile, {
    ...newLockOwner('token', 'brine tick', false),
    host: 'other.example',
    machine: 'other',
  })
  return () => rmSync(layout.lockOwnerFile)
}

describe('an active command', () => {
  it('is waited for, then the read is retried', async () => {
    const end = holder()
    expect(liveLockOwner(layout)?.command).toBe('brine tick')
    setTimeout(end, 200)
    expect(await look(['wrong', 'right'], [])).toEqual({ result: 'right', contended: false })
    expect(liveLockOwner(layout)).toBeUndefined()
  })

  it('is not waited for beyond the given time', async () => {
    const end = holder()
    expect(await look(['wrong', 'right'], [], 0.2)).toEqual({ result: 'wrong', contended: true })
    end()
  })

  it('does not count if it is this process itself', async () => {
    writeLockOwner(layout.lockOwnerFile, newLockOwner('token', 'brine restore', false))
    expect(await look(['wrong', 'right'], [])).toEqual({ result: 'wrong', contended: false })
  })
})
