/** Paths that a backup may contain: those of a data directory and no others. */
import { describe, expect, test } from 'vitest'
import { encodePart, fileModeOf, isBackupPath, parsePart } from '../../../src/core/backup/format.js'
import { backupName } from '../../../src/core/backup/pack.js'
import { canonicalJson } from '../../../src/core/base/json.js'
import type { Instant } from '../../../src/core/base/time.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'

const HASH = 'ab'.repeat(32)
const KEY = 'A1'.repeat(20)

describe('paths', () => {
  test.each([
    'brine.json',
    'brine.toml',
    'commits/12.json',
    'cas/acme/event-0.json',
    'cas/a_-b/archived/command-3.json',
    'pubd/0/snapshot-5.json',
    'ta/ta/info.json',
    'ha/0/event-1.json',
    `objects/ab/${HASH}`,
    `objects/archived/ab/${HASH}`,
    `keys/${KEY}`,
    'keys/audit',
    'ssl/key.pem',
  ])('%s is part of a backup', (path) => expect(isBackupPath(path)).toBe(true))

  test.each([
    '',
    '.',
    '..',
    '../brine.json',
    '/etc/passwd',
    './brine.json',
    'cas/../brine.json',
    'cas/acme/../../../x',
    'cas/acme/event-0.json/..',
    'cas/acme/event-00.json',
    'cas/Acme/event-0.json',
    'cas/acme/surplus/event-0.json',
    'cas/acme/corrupt/event-0.json',
    'cas/acme/event-0.json\u0000',
    'cas\\acme\\event-0.json',
    'commits/0.json',
    'commits/01.json',
    `objects/cd/${HASH}`,
    `objects/ab/${HASH}/x`,
    `keys/pool/${KEY}`,
    `keys/${KEY.toLowerCase()}`,
    'keys/pool',
    'status/origin.json',
    'status/head.json',
    'repo/rrdp/notification.xml',
    'tmp/x',
    '.lock',
    'ssl/.key.pem.swp',
    'ssl/../keys/x',
    'backup/header.json',
  ])('%j is not', (path) => expect(isBackupPath(path)).toBe(false))

  test('objects are readable by others, all else is private', () => {
    expect(fileModeOf(`objects/ab/${HASH}`)).toBe(0o644)
    expect([fileModeOf(`keys/${KEY}`), fileModeOf('ssl/cert.pem'), fileModeOf('brine.json')]).toEqual([
      0o600, 0o600, 0o600,
    ])
  })
})

test('the name of a backup has the id of the instance and the time', () => {
  const at = '2026-11-21T12:00:05Z' as Instant
  expect(backupName('1a2b3c4d5e6f', at, true, 'gzip')).toBe('brine-1a2b3c4d-20261121T120005Z.tar.gz.age')
  expect(backupName('1a2b3c4d5e6f', at, false, 'gzip')).toBe('brine-1a2b3c4d-20261121T120005Z.tar.gz')
  expect(backupName('1a2b3c4d5e6f', at, true, 'zstd')).toBe('brine-1a2b3c4d-20261121T120005Z.tar.zst.age')
  expect(backupName('1a2b3c4d5e6f', at, false, 'none')).toBe('brine-1a2b3c4d-20261121T120005Z.tar')
})

test('a part of the list is canonical JSON', () => {
  const files = ['brine.json', 'ssl/a.pem', 'no path: "\\\u0007'].map((path, size) => ({
    path,
    size,
    mode: fileModeOf(path),
    sha256: HASH as Sha256,
  }))
  for (const listed of [files, files.slice(1), []]) {
    expect(Buffer.from(encodePart(listed)).toString()).toBe(`${canonicalJson({ files: listed })}\n`)
    expect(parsePart(encodePart(listed), 'x')).toEqual(listed)
  }
})
