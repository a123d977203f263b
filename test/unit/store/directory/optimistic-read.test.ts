/** Looking again: only where something is wrong, only where somebody else was at work, and never for ever. */
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

/** What a command of another process leaves: the owner file came and went. */
function anotherCommand(): void {
  writeFileSync(layout.lockOwnerFile, '')
  rmSync(layout.lockOwnerFile)
}

/** Looks that find these one after the other, while other commands run during those that are named. */
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

describe('looks', () => {
  it.each([
    ['right, while another command runs', ['right'], [0], { result: 'right', contended: false }, 1],
    ['wrong, and nobody was at work', ['wrong', 'right'], [], { result: 'wrong', contended: false }, 1],
    ['wrong, for another command came between', ['wrong', 'right'], [0], { result: 'right', contended: false }, 2],
    ['wrong, and wrong when nobody is at work', ['wrong', 'wrong'], [0], { result: 'wrong', contended: false }, 2],
    [
      'wrong each time, and each time another',
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

/** A command of another host has the lock; what to call at its end. */
function holder(): () => void {
  writeLockOwner(layout.lockOwnerFile, {
    ...newLockOwner('token', 'brine tick', false),
    host: 'other.example',
    machine: 'other',
  })
  return () => rmSync(layout.lockOwnerFile)
}

describe('a command at work', () => {
  it('is waited for, and then looked again', async () => {
    const end = holder()
    expect(liveLockOwner(layout)?.command).toBe('brine tick')
    setTimeout(end, 200)
    expect(await look(['wrong', 'right'], [])).toEqual({ result: 'right', contended: false })
    expect(liveLockOwner(layout)).toBeUndefined()
  })

  it('is not waited for beyond the time that there is', async () => {
    const end = holder()
    expect(await look(['wrong', 'right'], [], 0.2)).toEqual({ result: 'wrong', contended: true })
    end()
  })

  it('is none when it is this process itself', async () => {
    writeLockOwner(layout.lockOwnerFile, newLockOwner('token', 'brine restore', false))
    expect(await look(['wrong', 'right'], [])).toEqual({ result: 'wrong', contended: false })
  })
})
