/** House limits that the linter does not count: lines of a file with its comments, names that say nothing, file headers. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const HARD_LIMIT = 400

const sources = ['src', 'test', 'bench', 'bin']
  .filter((folder) => statSync(join(ROOT, folder), { throwIfNoEntry: false }) !== undefined)
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
  )
  .filter((path) => /\.(ts|m?js)$/.test(path))
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('every source file', () => {
  it('was found', () => {
    expect(sources.length).toBeGreaterThan(30)
  })

  it(`has at most ${HARD_LIMIT} lines`, () => {
    expect(sources.filter((path) => text(path).split('\n').length - 1 > HARD_LIMIT)).toEqual([])
  })

  it('has a name that says what is in it', () => {
    const empty = /\b(utils?|helpers?|manager|misc|common)\b/i
    expect(sources.filter((path) => empty.test(basename(path).replaceAll(/[-_.]/g, ' ')))).toEqual([])
    expect(sources.filter((path) => /(^|\/)(utils?|helpers?|managers?|misc)\//.test(path))).toEqual([])
  })

  it('opens with a header that says what it is for', () => {
    const headed = /^(#!.*\n)?\/\*\*/
    const own = sources.filter((path) => !path.startsWith('test/'))
    expect(own.filter((path) => !headed.test(text(path)))).toEqual([])
  })
})

describe('an error that wraps another one', () => {
  it('is made by rewrap of base/errors.ts, which drops no member', () => {
    const copied = /new AppError\(\s*(\w+\.kind\b|kind, code\b)|\bdetails: (cause|error)\.details\b/
    const own = sources.filter((path) => path.startsWith('src/') && copied.test(text(path)))
    expect(own).toEqual(['src/core/base/errors.ts'])
  })
})

describe('a decoder', () => {
  it('names the tag of each element whose members it reads: elementsIn stays inside of src/core/der', () => {
    const outside = sources.filter((path) => path.startsWith('src/') && !path.startsWith('src/core/der/'))
    expect(outside.filter((path) => /\belementsIn\b/.test(text(path)))).toEqual([])
  })
})

describe('src/commands', () => {
  it('holds commands alone: oclif loads every file there', () => {
    const commands = sources.filter((path) => path.startsWith('src/commands/'))
    expect(commands.filter((path) => !/^export default class \w+ extends /m.test(text(path)))).toEqual([])
  })
})

describe('the tests', () => {
  const topics = new Set(
    sources
      .filter((path) => path.startsWith('src/commands/'))
      .map((path) => path.slice('src/commands/'.length).replace(/(\.ts|\/.*)$/, '')),
  )

  it('have a folder of e2e tests for every topic of commands', () => {
    const tested = (topic: string) =>
      sources.some((path) => path.startsWith(`test/e2e/${topic}/`) && path.endsWith('.test.ts'))
    expect(topics.size).toBeGreaterThan(25)
    expect([...topics].filter((topic) => !tested(topic))).toEqual([])
  })

  it('of rules start none of our programs: those are called *.process.test.ts', () => {
    const starts =
      /\b(runBrine|brineOk|newTestbed|sandbox|makeSandbox|livedIn|OpensslBox|EnrolSite|faultRunner|workshop)\(/
    const rules = sources.filter((path) => /^test\/(unit|property)\/.*(?<!\.process)\.test\.ts$/.test(path))
    expect(rules.filter((path) => starts.test(text(path)))).toEqual([])
  })
})

describe('a test of the rules', () => {
  it('replaces no module: its process is used again, where the module may be loaded already', () => {
    const rules = sources.filter((path) => /^test\/(unit|property)\/.*(?<!\.process)\.test\.ts$/.test(path))
    expect(rules.length).toBeGreaterThan(100)
    expect(rules.filter((path) => /\bvi\.(do)?(un)?mock\(|\bvi\.resetModules\(/i.test(text(path)))).toEqual([])
  })
})
