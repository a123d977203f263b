/** What an `io` error says of its cause, by operation and errno. */
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { hasNoInodes, ioError } from '../../../../src/core/store/disk/io-error.js'

const cause = (code: string): Error => Object.assign(new Error('failed'), { code })

it.each([
  ['link', 'EPERM', 'io-no-links', 'a file system with hard links'],
  ['link', 'ENOTSUP', 'io-no-links', 'a file system with hard links'],
  ['link', 'EACCES', 'io-denied', 'check the permissions'],
  ['create', 'EPERM', 'io-denied', 'check the permissions'],
  ['read', 'EMFILE', 'io-failed', 'ulimit -n'],
  ['read', 'ENFILE', 'io-failed', 'too many open files'],
  ['create', 'EAGAIN', 'io-failed', 'ulimit -u'],
  ['write', 'EFBIG', 'io-failed', 'ulimit -f'],
  ['write', 'EDQUOT', 'io-no-space', 'quota'],
  ['write', 'ENOSPC', 'io-no-space', 'free some space'],
  ['rename', 'EXDEV', 'io-failed', 'one file system'],
  ['read', 'ESTALE', 'io-failed', 'network file system'],
  ['write', 'EROFS', 'io-read-only', 'remount'],
  ['read', 'EIO', 'io-failed', 'dmesg'],
] as const)('%s %s is %s', (operation, errno, code, hint) => {
  const error = ioError(operation, '/nowhere/x', cause(errno))
  expect(error).toMatchObject({ kind: 'io', code, message: `/nowhere/x: ${operation} failed: ${errno}` })
  expect(error.hint).toContain(hint)
})

it('only a full disk without inodes is called so', () => {
  expect(hasNoInodes(`${tmpdir()}/not/there`)).toBe(false)
  expect(ioError('write', tmpdir(), cause('ENOSPC'), { bytes: 7 }).message).toContain('7 bytes needed')
})
