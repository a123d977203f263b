/**
 * The keys and types of every report of `--json`. test/golden/json has a file for each command; `npm run golden` makes them anew, and a
 * change of one is a change for scripts: keys are added, never renamed or removed.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { projectDir } from '../../support/processes/brine-shim.js'
import { type Observed, observeJson } from './json-scenario.js'
import { merged, shapeOf } from './json-shape.js'

const GOLDEN = join(projectDir, 'test', 'golden', 'json')

/** Commands that this test cannot run, with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  cgi: 'it answers a web server and has no --json',
  'est close': 'a request must be pending or unknown at a remote CA',
}

const { commands } = JSON.parse(readFileSync(join(projectDir, 'oclif.manifest.json'), 'utf8')) as {
  readonly commands: Readonly<Record<string, { readonly flags?: Readonly<Record<string, unknown>> }>>
}
const names = Object.keys(commands)
  .map((id) => id.replaceAll(':', ' '))
  .filter((name) => !(name in LEFT_OUT))
const fileOf = (name: string): string => join(GOLDEN, `${name.replaceAll(' ', '-')}.json`)

let shapes: Observed['shapes']
let changed: Observed['changed']
beforeAll(async () => {
  ;({ shapes, changed } = await observeJson())
}, 300_000)

test.for(names)('%s', (name) => {
  const shape = shapes.get(name)
  expect(shape, `brine ${name} is not run by json-scenario.ts`).toBeDefined()
  const text = `${JSON.stringify(shape, null, 2)}\n`
  if (process.env['GOLDEN'] === 'write') writeFileSync(fileOf(name), text)
  expect(existsSync(fileOf(name)), `brine ${name} has no golden file: npm run golden`).toBe(true)
  expect(text).toBe(readFileSync(fileOf(name), 'utf8'))
})

test('no golden file is of a command that is no more', () => {
  expect(readdirSync(GOLDEN).sort()).toEqual(names.map((name) => `${name.replaceAll(' ', '-')}.json`).sort())
})

test('every command that writes says whether it changed something, in the words of errors', () => {
  const writing = names.filter((name) => 'dry-run' in (commands[name.replaceAll(' ', ':')]?.flags ?? {}))
  expect(writing.length).toBeGreaterThan(25)
  const others = writing.filter((name) => Reflect.get(Object(shapes.get(name)), 'changed') !== 'string')
  expect(others).toEqual([])
  // nothing to do in the scenario
  const idle = ['backup prune', 'ha probe', 'recover', 'repo sync', 'upgrade']
  const silent = writing.filter((name) => changed.get(name)?.includes('yes') !== true)
  expect(silent.filter((name) => !idle.includes(name))).toEqual([])
})

test('roa add, roa remove and roa list describe a ROA alike', () => {
  const row = (name: string, key: string): unknown => {
    const list: unknown = Reflect.get(Object(shapes.get(name)), key)
    return Object.keys(Object(Array.isArray(list) ? list[0] : undefined)).map((member) => member.replace('?', ''))
  }
  const listed = row('roa list', 'roas')
  expect(listed).toContain('roa')
  for (const [name, key] of [
    ['roa add', 'addedRoas'],
    ['roa update', 'removedRoas'],
  ] as const)
    expect(row(name, key)).toEqual(expect.arrayContaining(listed as string[]))
})

describe('a shape', () => {
  test('has keys and types, not values', () => {
    expect(shapeOf({ a: 1, b: [{ c: 'x' }, { c: null, d: true }], state: { k: 1 }, e: [] })).toEqual({
      a: 'number',
      b: [{ c: 'null|string', 'd?': 'boolean' }],
      state: 'any',
      e: [],
    })
  })

  test('of two reports names what either may have', () => {
    expect(merged({ a: 'null', b: [] }, { a: { x: 'string' }, b: ['number'] })).toEqual({
      a: { 'null or': { x: 'string' } },
      b: ['number'],
    })
  })
})
