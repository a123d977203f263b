/** What `rsync --list-only` prints, as values. */
import { expect, it } from 'vitest'
import { parseListing } from '../../../src/core/distribution/listing.js'

it('reads files, folders and links; a message of the day is left out', () => {
  const text = [
    'Welcome to the mirror of example.net',
    '',
    'drwxr-xr-x          4,096 2000/01/01 00:00:00 .',
    '-rw-r--r--      1,234,567 2026/12/02 01:42:46 acme/0/a b.roa',
    'lrwxrwxrwx              1 2026/12/02 01:42:46 current -> b',
    'srwxrwxrwx              0 2026/12/02 01:42:46 socket',
    '-rw-r--r--              0 2026/12/02 01:42:46 odd\\#012name',
  ].join('\n')
  expect(parseListing(text)).toEqual([
    { path: '.', kind: 'folder', size: 4096, time: '2000-01-01T00:00:00Z', target: null },
    { path: 'acme/0/a b.roa', kind: 'file', size: 1_234_567, time: '2026-12-02T01:42:46Z', target: null },
    { path: 'current', kind: 'link', size: 1, time: '2026-12-02T01:42:46Z', target: 'b' },
    { path: 'socket', kind: 'other', size: 0, time: '2026-12-02T01:42:46Z', target: null },
    { path: 'odd\nname', kind: 'file', size: 0, time: '2026-12-02T01:42:46Z', target: null },
  ])
})
