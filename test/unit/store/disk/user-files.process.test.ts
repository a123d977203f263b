/** Files that the user names: bounded, whatever they are. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readOctets } from '../../../../src/core/app/operations/user-files.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { readUserBytes, readUserFile } from '../../../../src/core/store/disk/user-files.js'

const dir = mkdtempSync(join(tmpdir(), 'brine-user-files-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function codeOf(read: () => unknown): string {
  try {
    read()
    return 'read'
  } catch (error) {
    return error instanceof AppError ? error.code : 'other'
  }
}

describe('a file that the user names', () => {
  it('is read whole up to the limit, and refused above it', () => {
    const path = join(dir, 'a')
    writeFileSync(path, 'abc')
    expect(Buffer.from(readUserBytes(path, 3)).toString()).toBe('abc')
    expect(codeOf(() => readUserBytes(path, 2))).toBe('file-too-large')
    expect(codeOf(() => readUserFile(path, 2))).toBe('file-too-large')
  })

  it('of more than 256 MiB is refused before it is read, where the caller states no limit', () => {
    const path = join(dir, 'sparse')
    writeFileSync(path, '')
    truncateSync(path, 256 * 2 ** 20 + 1)
    expect(codeOf(() => readUserBytes(path))).toBe('file-too-large')
    expect(codeOf(() => readUserFile(path))).toBe('file-too-large')
  })

  it('with a message or a setup file is refused above 64 MiB, as on standard input', () => {
    const path = join(dir, 'message')
    writeFileSync(path, '')
    truncateSync(path, 64 * 2 ** 20 + 1)
    expect(codeOf(() => readOctets(path))).toBe('file-too-large')
  })

  it('that never ends is refused at the limit', () => {
    expect(codeOf(() => readUserBytes('/dev/zero', 3 * 2 ** 20))).toBe('file-too-large')
    expect(codeOf(() => readUserFile('/dev/zero', 2 ** 20))).toBe('file-too-large')
  })

  it('without a size is read to its end: an empty file, /proc', () => {
    expect(readUserBytes('/dev/null')).toHaveLength(0)
    expect(readUserFile('/proc/self/status')).toContain('Pid:')
  })

  it('that is a pipe is read in pieces', () => {
    const path = join(dir, 'pipe')
    spawnSync('mkfifo', [path])
    spawnSync('sh', ['-c', `head -c 3000000 /dev/zero > '${path}' &`], { stdio: 'ignore' })
    expect(readUserBytes(path)).toHaveLength(3_000_000)
  })

  it('that is a folder or missing is unreadable', () => {
    expect(codeOf(() => readUserBytes(dir))).toBe('file-unreadable')
    expect(codeOf(() => readUserBytes(join(dir, 'none')))).toBe('file-unreadable')
  })
})
