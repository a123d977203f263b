/** Exported history: verified anywhere as the directory is, and every way to bend the file is found. */
import { createHash } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { absencesOf, missingCommands } from '../../../src/core/audit/archived.js'
import { readCommitChain } from '../../../src/core/audit/commits.js'
import { MAX_LINE } from '../../../src/core/audit/export-format.js'
import { openExport } from '../../../src/core/audit/export-reader.js'
import { exportLines } from '../../../src/core/audit/export-writer.js'
import { replayAggregate } from '../../../src/core/audit/replay.js'
import { directorySource, type HistorySource } from '../../../src/core/audit/source.js'
import { AppError } from '../../../src/core/base/errors.js'
import { canonicalJson, type Json } from '../../../src/core/base/json.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { formatAggregateId } from '../../../src/core/eventsourcing/types.js'
import type { FileStore } from '../../../src/core/store/commit/file-store.js'
import {
  add,
  metaAt,
  nameArchived,
  type Scratch,
  scratch,
  stageRejected,
  wordRules,
} from '../../support/store/store.js'

type Line = Record<string, Json>

let place: Scratch
let store: FileStore
let path: string

beforeEach(async () => {
  place = scratch()
  store = place.open()
  path = join(place.dir, '../export.jsonl')
  await store.write(async (writer) => {
    for (let i = 0; i < 4; i++) add(writer, { alice: [`a${i}`, `b${i}`], ...(i % 2 === 0 ? { bob: [`c${i}`] } : {}) })
    writer.commit({ meta: metaAt(writer.head), aggregates: [stageRejected(writer, 'alice')], objects: new Map() })
    add(writer, { carol: ['only'] })
  })
})
afterEach(() => place.remove())

async function exported(objects: readonly Sha256[] = []): Promise<string> {
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const { head, roster, commands: named, archive } = readCommitChain(source)
    const missing = roster.flatMap((id) => {
      const aggregate = formatAggregateId(id)
      const commands = missingCommands(
        source,
        id,
        named.get(aggregate) ?? [],
        absencesOf(source, id, archive, () => true),
      )
      return commands.length === 0 ? [] : [{ aggregate, commands }]
    })
    const header = { instance: 'a1b2', generation: 1, commits: reader.head, head, at: reader.at ?? null }
    const options = { header: { ...header, missing, objects: objects.length > 0 }, objects }
    return [...exportLines(source, options)].join('')
  })
}

function audit(source: HistorySource, full = false) {
  const chain = readCommitChain(source)
  const aggregates = chain.roster.map((id) => {
    const named = chain.commands.get(formatAggregateId(id)) ?? []
    return { id, ...replayAggregate({ source, id, rules: wordRules, commands: named, archive: chain.archive, full }) }
  })
  return { chain, aggregates, problems: [...chain.problems, ...aggregates.flatMap((a) => a.problems)] }
}

function read<T>(text: string | Uint8Array, work: (source: HistorySource) => T): T {
  writeFileSync(path, text)
  const source = openExport(path)
  try {
    return work(source)
  } finally {
    source.close()
  }
}

/** What is wrong with a file: the error that opening it gives, or the problems that the proof has. */
function fault(text: string | Uint8Array): string {
  try {
    return read(text, (source) => audit(source).problems.map((p) => `${p.file} ${p.path}: ${p.problem}`)).join('; ')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return `${error.kind} ${error.code}: ${error.message.replace(path, 'FILE')}`
  }
}

const linesOf = (text: string) => text.trimEnd().split('\n')
const parsed = (text: string) => linesOf(text).map((line) => JSON.parse(line) as Line)

/** The lines with an end that fits them: what somebody can do who knows the format. */
function sealed(lines: readonly (string | Line)[]): string {
  const body = lines.map((line) => `${typeof line === 'string' ? line : canonicalJson(line)}\n`).join('')
  const end = { type: 'end', lines: lines.length, sha256: createHash('sha256').update(body).digest('hex') }
  return `${body}${canonicalJson(end)}\n`
}

/** All but the end, each line through `change`. */
function changed(text: string, change: (line: Line, i: number) => Line): string {
  return sealed(parsed(text).slice(0, -1).map(change))
}

const rewritten = (line: Line, text: string): Line => ({ ...line, text, sha256: sha256Hex(text) })

describe('an export', () => {
  it('is verified to the same states, heads and counts as the directory', async () => {
    const here = await store.read(async (reader) => audit(directorySource(store.layout, reader), true))
    const there = read(await exported(), (source) => audit(source, true))
    expect(there.problems).toEqual([])
    expect(there.chain.head).toBe(here.chain.head)
    expect(there.aggregates).toEqual(here.aggregates)
  })

  it('begins with what it is, has each file as it lies on disk, in the order of the commits, and an end', async () => {
    const lines = parsed(await exported())
    expect(lines[0]).toMatchObject({ type: 'header', format: 'brine-audit-export', version: 1, commits: 6 })
    expect(lines.at(-1)).toMatchObject({ type: 'end', lines: lines.length - 1 })
    expect(lines.slice(1, 7).map((l) => l['file'])).toEqual([
      'cas/alice/event-0.json',
      'cas/alice/event-1.json',
      'cas/alice/command-1.json',
      'cas/bob/event-0.json',
      'cas/bob/command-1.json',
      'commits/1.json',
    ])
    for (const { sha256, text } of lines.slice(1, -1)) expect(sha256Hex(String(text))).toBe(sha256)
    expect(lines.some((l) => l['type'] === 'snapshot')).toBe(true)
  })

  it('is the same text each time', async () => expect(await exported()).toBe(await exported()))

  it('takes objects along', async () => {
    const [a, b] = [sha256Hex('object of a0'), sha256Hex('object of b0')]
    const objects = [a, b].sort()
    read(await exported(objects), (source) => {
      expect(Buffer.from(source.object(a)).toString()).toBe('object of a0')
      expect(() => source.object(sha256Hex('object of c0'))).toThrow('not in the export')
    })
    const text = await exported(objects)
    expect(fault(changed(text, (l) => (l['type'] === 'object' ? { ...l, base64: 'AAAA' } : l)))).toContain(
      'do not match this hash',
    )
    const body = parsed(text).slice(0, -1)
    expect(fault(sealed([...body.slice(0, -2), ...body.slice(-2).reverse()]))).toContain('sorted by hash')
  })

  it('without what is archived elsewhere says from where it could be verified', async () => {
    const dir = join(place.dir, 'cas/alice')
    await nameArchived(store, 'alice', [1, 2])
    for (const name of readdirSync(dir)) if (/^(command-[12]|event-[0-3])\.json$/.test(name)) rmSync(join(dir, name))
    const text = await exported()
    expect(parsed(text)[0]?.['missing']).toEqual([{ aggregate: 'ca/alice', commands: [[1, 2]] }])
    read(text, (source) => {
      expect(audit(source).problems).toEqual([])
      expect(audit(source).aggregates[0]).toMatchObject({ verifiedFrom: 6, events: 8 })
      expect(audit(source, true).problems.map((p) => p.file)).toContain('cas/alice/event-0.json')
    })
    // what may be absent follows from the commits: the header is no more than a claim
    const isOf = (l: Line, name: string): boolean => l['file'] === `cas/alice/${name}`
    const dropped = parsed(text).filter(
      (l) =>
        !isOf(l, 'snapshot-6.json') &&
        !isOf(l, 'command-3.json') &&
        !isOf(l, 'event-4.json') &&
        !isOf(l, 'event-5.json'),
    )
    const claimed = dropped.map((l) =>
      l['type'] === 'header' ? { ...l, missing: [{ aggregate: 'ca/alice', commands: [[1, 3]] }] } : l,
    )
    expect(fault(sealed(claimed.slice(0, -1)))).toContain('cas/alice/command-3.json')
  })
})

describe('a file that was cut, bent or made up', () => {
  it('one byte changed anywhere is found', async () => {
    const text = Buffer.from(await exported())
    for (let at = 0; at < text.length; at += 41) {
      const bent = Buffer.from(text)
      bent[at] = (bent[at] ?? 0) ^ 1
      expect(fault(bent)).not.toBe('')
    }
  })

  it('cut at any line or inside one', async () => {
    const text = await exported()
    const lines = linesOf(text)
    for (let n = 1; n < lines.length; n++)
      expect(fault(`${lines.slice(0, n).join('\n')}\n`)).toContain('export-damaged: FILE: line')
    expect(fault(text.slice(0, -1))).toContain('the file ends too early')
    expect(fault(text.slice(0, 900))).toContain('the file ends too early')
    // with an end that fits, the commits are fewer than the header says
    expect(fault(sealed(parsed(text).slice(0, 7)))).toContain('6 commits were announced')
  })

  it('each line left out, each two neighbours swapped, each line twice', async () => {
    const text = await exported()
    const body = parsed(text).slice(0, -1)
    for (let i = 0; i < body.length; i++) {
      const isSnapshot = body[i]?.['type'] === 'snapshot'
      // a snapshot need not be kept
      expect(fault(sealed(body.filter((_, j) => j !== i))) !== '').toBe(!isSnapshot)
      expect(fault(sealed([...body.slice(0, i), ...body.slice(i, i + 1), ...body.slice(i)]))).not.toBe('')
      if (i + 1 === body.length) continue
      const [a = {}, b = {}] = body.slice(i, i + 2)
      expect(fault(sealed([...body.slice(0, i), b, a, ...body.slice(i + 2)]))).not.toBe('')
    }
  })

  it('a file that nothing names, a text of another hash, a second header, more after the end', async () => {
    const text = await exported()
    const stray = { type: 'event', commit: 1, ...rewritten({}, '{}\n'), file: 'cas/alice/event-99.json' }
    const body = parsed(text).slice(0, -1)
    expect(fault(sealed([...body.slice(0, 1), stray, ...body.slice(1)]))).toContain('event-99.json is out of place')
    expect(fault(sealed([...body, { ...stray, commit: 7 }]))).toContain('no commit references cas/alice/event-99.json')
    expect(fault(changed(text, (l, i) => (i === 1 ? { ...l, text: '{}\n' } : l)))).toContain('line 2: the text of')
    expect(fault(sealed([...body, body[0] ?? {}]))).toContain('a second header')
    expect(fault(`${text}{}\n`)).toContain('data after the end line')
    expect(fault(changed(text, (l, i) => (i === 0 ? { ...l, head: 'a'.repeat(64) } : l)))).toContain('line 1')
  })

  it('an event that was changed together with its own hash', async () => {
    const text = await exported()
    const forge = (l: Line): Line => rewritten(l, String(l['text']).replace('"a0"', '"xx"'))
    const first = changed(text, (l) => (l['file'] === 'cas/alice/event-0.json' ? forge(l) : l))
    expect(fault(first)).toContain('cas/alice/event-0.json $: content does not match its recorded hash')
  })
})

describe('lines that are no honest JSON', () => {
  const bend = async (from: string, to: string) => fault((await exported()).replace(from, to))

  it.each([
    ['a name twice', '"commits":6', '"commits":6,"commits":6'],
    ['white space', '"commits":6', '"commits": 6'],
    ['a number that is not exact', '"commits":6', '"commits":9007199254740993'],
    ['a number beyond all', '"commits":6', '"commits":1e999'],
    ['a member that nobody knows', '"commits":6', '"commits":6,"extra":1'],
    ['__proto__', '{"at"', '{"__proto__":{"x":1},"at"'],
    ['another type', '"commits":6', '"commits":"6"'],
  ])('%s in the header: not an export', async (_, from, to) => {
    expect(await bend(from, to)).toBe('usage export-invalid: FILE: not an export of brine')
  })

  it('a later version of the format', async () => {
    expect(await bend('"version":1', '"version":2')).toContain('format format-newer')
  })

  it.each([
    [
      'a name twice',
      '{"event":{"type":"added","type":"added","word":"a0"},"handle":"alice","kind":"ca","version":0}\n',
    ],
    [
      'a number that is not exact',
      '{"event":{"n":9007199254740993,"type":"added"},"handle":"alice","kind":"ca","version":0}\n',
    ],
    ['a number beyond all', '{"event":{"n":1e999,"type":"added"},"handle":"alice","kind":"ca","version":0}\n'],
    ['nesting without end', `${'['.repeat(200_000)}${']'.repeat(200_000)}\n`],
    ['no newline', '{"a":1}'],
    ['half a character', '{"a":"\\ud800"}\n'],
  ])('%s in a stored file', async (_, text) => {
    const bent = changed(await exported(), (l, i) => (i === 1 ? rewritten(l, text) : l))
    expect(fault(bent)).toContain('line 2: cas/alice/event-0.json is not canonical JSON')
  })

  it('a member __proto__ in an event changes no prototype', async () => {
    const text = '{"__proto__":{"polluted":1},"event":{"type":"added"},"handle":"alice","kind":"ca","version":0}\n'
    expect(fault(changed(await exported(), (l, i) => (i === 1 ? rewritten(l, text) : l)))).toContain('event-0.json')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('no JSON, no text, nothing, a folder', async () => {
    const text = await exported()
    const broken = 'corrupt export-damaged: FILE: line 2: not one object as canonical JSON'
    const [header = '', ...rest] = linesOf(text)
    expect(fault([header, 'junk', ...rest, ''].join('\n'))).toBe(broken)
    expect(fault([header, '', ...rest, ''].join('\n'))).toBe(broken)
    expect(fault([header, '[]', ...rest, ''].join('\n'))).toBe(broken)
    expect(fault(Buffer.concat([Buffer.from(`${header}\n`), Buffer.from([0xff, 10])]))).toBe(broken)
    expect(fault('')).toContain('usage export-invalid')
    expect(fault('\n')).toContain('usage export-invalid')
    expect(() => openExport(place.dir)).toThrow('not a regular file')
    expect(() => openExport(join(place.dir, 'none'))).toThrow('ENOENT')
  })

  it('a line without end is given up early', async () => {
    const [header = ''] = linesOf(await exported())
    expect(fault(Buffer.concat([Buffer.from(`${header}\n`), Buffer.alloc(MAX_LINE + (2 << 20), 0x20)]))).toBe(
      `corrupt export-damaged: FILE: line 2: longer than ${MAX_LINE} bytes`,
    )
  })
})

it('a file that changes while it is read is found', async () => {
  const text = await exported()
  writeFileSync(path, text)
  const source = openExport(path)
  writeFileSync(path, text.replace('a0\\"', 'a9\\"'))
  expect(audit(source).problems.map((p) => p.file)).toContain('cas/alice/event-0.json')
  source.close()
})
