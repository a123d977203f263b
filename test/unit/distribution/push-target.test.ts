/** Which texts are targets of a push, and of which kind. */
import { expect, it } from 'vitest'
import { below, parseTarget } from '../../../src/core/distribution/push-target.js'

it.each([
  ['/srv/rpki', 'folder', '/srv/rpki'],
  ['/srv//rpki/', 'folder', '/srv/rpki'],
  ['brine@two.example.net:/srv/rpki/', 'ssh', 'brine@two.example.net:/srv/rpki'],
  ['two:/srv', 'ssh', 'two:/srv'],
  ['[2001:db8::2]:/srv', 'ssh', '[2001:db8::2]:/srv'],
  ['three::rpki', 'daemon', 'three::rpki'],
  ['brine@three::rpki/one', 'daemon', 'brine@three::rpki/one'],
  ['rsync://brine@three.example.net:8730/rpki/', 'daemon', 'rsync://brine@three.example.net:8730/rpki'],
] as const)('%s is a target of the kind %s', (given, kind, text) => {
  const target = parseTarget(given)
  expect(target).toEqual({ kind, text })
  expect(below(target, 'rrdp/')).toBe(`${text}/rrdp/`)
})

it.each([
  '',
  '.',
  'rpki',
  './rpki',
  '/',
  '//',
  'two:srv',
  '-e sh:/x',
  '-eid@two:/x',
  '--rsh=id::x',
  'rsync://three/',
  'a b:/x',
  '/a\nb',
  'https://x/y',
])('%j is none', (given) => {
  expect(() => parseTarget(given)).toThrow(expect.objectContaining({ code: 'push-target-invalid', kind: 'usage' }))
})
