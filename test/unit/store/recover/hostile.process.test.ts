/** Records replaced by an attacker: refused with the file, the rule and a hint, and nothing changed. */
import { execFileSync } from 'node:child_process'
import {
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { readCommitChain } from '../../../../src/core/audit/commits.js'
import type { Finding } from '../../../../src/core/audit/finding.js'
import { replayAggregate } from '../../../../src/core/audit/replay.js'
import { directorySource } from '../../../../src/core/audit/source.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { formatAggregateId } from '../../../../src/core/eventsourcing/types.js'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { readMarker } from '../../../../src/core/store/directory/data-dir.js'
import { thisInstallation, writeInstallationId } from '../../../../src/core/store/directory/installation-id.js'
import { planOf, recoverWords } from '../../../support/store/recovery.js'
import { add, ca, metaAt, scratch, wordRules, wordsOf } from '../../../support/store/store.js'
import { storeCopies } from '../../../support/store/store-copies.js'

const isRoot = process.getuid?.() === 0
const MB = 1 << 20
const EVENT = 'cas/x/event-11.json'
const COMMAND = 'cas/x/command-12.json'
const HEAD = 'commits/14.json'
const MARKER = 'brine.json'
/** Twelve events of x, a rejected command, and a commit of another. */
const words = Array.from({ length: 12 }, (_, n) => `${n}`)

const copies = storeCopies((w) => {
  for (const word of words) add(w, { x: [word] })
})
let dir = ''
beforeEach(() => {
  dir = copies.dir
})
const at = (path: string): string => join(dir, path)

/** All files except the lock and temporary ones. */
function footprint(): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\/(?:\.lock|tmp|status\/head)/.test(path))
    .sort()
    .map((path) => {
      const stat = lstatSync(path)
      return `${path} ${stat.mode} ${stat.isDirectory() ? '' : stat.size} ${stat.isFile() && stat.size < MB ? sha256Hex(readFileSync(path)) : ''}`
    })
}

const outcome = (work: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(work)
    .catch((error: unknown) => error)

/** Checks that reading and writing x fail as described, and that no byte changed. */
async function refused(path: string, wanted: object, rule: string): Promise<void> {
  const before = footprint()
  for (const work of [
    async () => openStore(dir).read(async (r) => wordsOf(r, 'x')),
    async () => openStore(dir).write(async (w) => add(w, { x: ['more'] })),
  ]) {
    const error = await outcome(work)
    expect(error).toMatchObject({ changed: 'no', ...wanted })
    expect((error as Error).message).toContain(path)
    expect((error as Error).message).toContain(rule)
  }
  expect(footprint()).toEqual(before)
}

async function audit(): Promise<readonly Finding[]> {
  const store = openStore(dir)
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source)
    const found = chain.roster.flatMap((id) => {
      const named = chain.commands.get(formatAggregateId(id)) ?? []
      return replayAggregate({ source, id, rules: wordRules, commands: named, archive: chain.archive, full: true })
        .problems
    })
    return [...chain.problems, ...found]
  })
}

const text = (path: string): string => readFileSync(at(path), 'utf8')
const rewrite = (path: string, change: (before: string) => string): void => {
  const before = text(path)
  const after = change(before)
  expect(after).not.toBe(before)
  writeFileSync(at(path), after)
}

const proto = (before: string): string => before.replace('{', '{"__proto__":{"polluted":1},')
const twice = (before: string): string => before.replace(/"(version|generation)":\d+/, '$&,$&')
const beyond = (before: string): string => before.replace(/"(version|generation)":\d+/, '"$1":9007199254740993')

const AS_TEXT: readonly (readonly [string, (before: string) => string])[] = [
  ['__proto__', proto],
  ['a name twice', twice],
  ['a number beyond 2^53', beyond],
]

const AS_FILE: readonly (readonly [string, (path: string) => void])[] = [
  [
    'a symbolic link to the record itself',
    (path) => {
      renameSync(path, `${path}.real`)
      symlinkSync(`${path}.real`, path)
    },
  ],
  [
    'a FIFO',
    (path) => {
      unlinkSync(path)
      execFileSync('mkfifo', [path])
    },
  ],
  [
    'a socket',
    (path) => {
      unlinkSync(path)
      const bind = 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])'
      execFileSync('python3', ['-c', bind, path])
    },
  ],
]

describe.each([
  ['an event', EVENT, 'ca/x'],
  ['a command record', COMMAND, 'ca/x'],
  ['the newest commit', HEAD, undefined],
] as const)('in the place of %s', (_name, path, owner) => {
  const wanted = {
    kind: 'corrupt',
    code: 'file-damaged',
    hint: owner === undefined ? 'brine recover --dry-run' : `brine recover ${owner} --dry-run`,
  }

  it.each(AS_TEXT)('%s', async (_, change) => {
    rewrite(path, change)
    await refused(path, wanted, 'content does not match its recorded hash')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect((await audit()).map((p) => p.file)).toContain(path)
  })

  it.each(AS_FILE)('%s: does not block and is not followed', async (_, put) => {
    put(at(path))
    await refused(
      path,
      wanted,
      path === HEAD && lstatSync(at(path)).isSymbolicLink() ? 'a symbolic link' : 'not a regular file',
    )
    expect((await audit()).map((p) => p.file)).toContain(path)
    if (owner !== undefined) expect(await openStore(dir).read(async (r) => wordsOf(r, 'other'))).toEqual(['o'])
    await recoverWords(dir)
    expect(planOf(dir).isEmpty).toBe(true)
  })

  it.each([200 * MB, 300 * MB])('%d bytes: a block of memory at a time', async (size) => {
    truncateSync(at(path), size)
    const before = process.resourceUsage().maxRSS
    const rule = path === HEAD ? `larger than ${64 * MB} bytes` : 'content does not match its recorded hash'
    await refused(path, wanted, rule)
    expect((await audit()).map((p) => p.file)).toContain(path)
    await recoverWords(dir)
    // in kilobytes
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(100 * 1024)
    expect(planOf(dir).isEmpty).toBe(true)
  })

  it('a file of another user', async (context) => {
    if (!isRoot) context.skip('needs root to give a file away')
    chownSync(at(path), 12345, 12345)
    const own = `uid 12345, but this command runs as uid ${process.getuid?.()}`
    await refused(path, { kind: 'corrupt', code: 'file-foreign', hint: expect.stringContaining('chown') }, own)
    if (owner !== undefined) expect(await openStore(dir).read(async (r) => wordsOf(r, 'other'))).toEqual(['o'])
  })
})

describe('a format that is newer in one record alone', () => {
  it.each([
    ['a command record', 'cas/x/command-3.json'],
    ['the newest command record', 'cas/x/command-13.json'],
    ['a commit', 'commits/7.json'],
    ['the newest commit', HEAD],
  ])('is a flipped bit in %s, and is repaired as one', async (_, path) => {
    rewrite(path, (before) => before.replace(/"format":[123],/, '"format":5,'))
    expect((await audit()).map((p) => p.file)).toContain(path)
    const { plan } = await recoverWords(dir)
    expect(plan.loses).toBe(false)
    expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual(words)
    expect(await audit()).toEqual([])
  })

  it('but a file that nothing contradicts is of a newer program: unchanged', async () => {
    const head = JSON.parse(text(HEAD)) as object
    writeFileSync(at('commits/15.json'), JSON.stringify({ ...head, commit: 15, format: 5 }))
    const before = footprint()
    expect(() => planOf(dir)).toThrow(expect.objectContaining({ kind: 'format', code: 'format-newer' }))
    expect(footprint()).toEqual(before)
  })
})

describe('a rewritten history in which every hash matches', () => {
  /** Replaces event 11 by a text, and rewrites record, commits and cache to match its hash. */
  function forge(event: string): void {
    const swap = (path: string, from: string, to: string): void =>
      rewrite(path, (before) => before.split(from).join(to))
    const put = (path: string, change: () => void): readonly [string, string] => {
      const before = sha256Hex(readFileSync(at(path)))
      change()
      return [before, sha256Hex(readFileSync(at(path)))]
    }
    const first = put(EVENT, () => writeFileSync(at(EVENT), event))
    const second = put(COMMAND, () => swap(COMMAND, ...first))
    const next = put('cas/x/command-13.json', () => swap('cas/x/command-13.json', ...second))
    let [before, after] = put('commits/12.json', () => swap('commits/12.json', ...second))
    ;[before, after] = put('commits/13.json', () => {
      swap('commits/13.json', before, after)
      swap('commits/13.json', ...next)
    })
    swap(HEAD, before, after)
    rmSync(at('status/head.json'), { force: true })
  }

  it.each([
    ['a name twice', '{"event":{"type":"added","word":"a","word":"11"},"handle":"x","kind":"ca","version":11}\n'],
    [
      'a number beyond 2^53',
      '{"event":{"n":9007199254740993,"type":"added","word":"11"},"handle":"x","kind":"ca","version":11}\n',
    ],
    ['a number beyond all', '{"event":{"n":1e999,"type":"added","word":"11"},"handle":"x","kind":"ca","version":11}\n'],
    ['white space', '{"event":{"type":"added","word":"11"},"handle":"x","kind":"ca", "version":11}\n'],
  ])('%s: the audit reports it', async (_, event) => {
    forge('{"event":{"type":"added","word":"forged"},"handle":"x","kind":"ca","version":11}\n')
    expect(await audit()).toEqual([])
    forge(event)
    const found = await audit()
    expect(found).toEqual([{ file: EVENT, path: '$', problem: expect.stringContaining('not canonical JSON') }])
  })

  it('__proto__ next to the event: an unknown name, and no prototype is changed', async () => {
    forge('{"__proto__":{"polluted":1},"event":{"type":"added","word":"11"},"handle":"x","kind":"ca","version":11}\n')
    await refused(EVENT, { kind: 'corrupt', code: 'file-damaged' }, 'unknown key "__proto__"')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('a commit whose hash is recorded nowhere must be in canonical form', async () => {
    unlinkSync(at('status/head.json'))
    rewrite(HEAD, (before) => before.replace('"generation":1', '"generation":0,"generation":1'))
    await refused(HEAD, { kind: 'corrupt', code: 'file-damaged' }, 'not canonical JSON')
  })
})

describe('records from which a lost commit would be rebuilt', () => {
  it.each([
    ['no effect', '"effect":null'],
    ['events that are no list', '"effect":{"events":{},"result":"accepted","snapshot":null}'],
    ['a handle that is none', '"handle":{}'],
  ])('%s: the commit cannot be rebuilt', (_, member) => {
    unlinkSync(at('commits/13.json'))
    rewrite('cas/x/command-13.json', (before) => {
      const record = JSON.parse(before) as Record<string, unknown>
      return JSON.stringify({ ...record, ...(JSON.parse(`{${member}}`) as object) })
    })
    expect(() => planOf(dir)).toThrow(expect.objectContaining({ kind: 'corrupt', code: 'commit-missing' }))
  })
})

describe('a forged marker', () => {
  const hint = 'restore brine.json from a backup or a copy of this directory'
  const lies: readonly (readonly [string, (before: string) => string, string])[] = [
    ['__proto__', proto, '__proto__'],
    ['a name twice', twice, '"generation" appears twice'],
    ['a generation beyond 2^53', beyond, 'generation has an invalid value'],
    ['generation 0', (before) => before.replace('"generation":1', '"generation":0'), 'generation has an invalid value'],
    ['a format in words', (before) => before.replace('"format":2', '"format":"2"'), 'format has an invalid value'],
    ['no id', (before) => before.replace(/"id":"[^"]*",/, ''), 'id is missing'],
    ['test: 1', (before) => before.replace('"test":true', '"test":1'), 'test has an invalid value'],
    ['100 MB of it', (before) => before.replace('{', `{${' '.repeat(100 * MB)}`), 'larger than 65536 bytes'],
  ]

  it.each(lies)('%s', async (_, lie, rule) => {
    rewrite(MARKER, lie)
    await refused(MARKER, { kind: 'corrupt', code: 'file-damaged', hint }, rule)
  })

  it.each(AS_FILE)('%s', async (_, put) => {
    put(at(MARKER))
    await refused(MARKER, { kind: 'corrupt', code: 'file-damaged', hint }, 'a')
  })

  it('of another user', async (context) => {
    if (!isRoot) context.skip('needs root to give a file away')
    chownSync(at(MARKER), 12345, 12345)
    await refused(MARKER, { kind: 'corrupt', code: 'file-foreign' }, 'uid 12345')
  })

  it('a generation older than that of the last commit: read, never written, and refused by recover', async () => {
    rewrite(MARKER, (before) => before.replace('"generation":1', '"generation":5'))
    await openStore(dir).write(async (w) => add(w, { x: ['of 5'] }))
    rewrite(MARKER, (before) => before.replace('"generation":5', '"generation":4'))
    const before = footprint()
    const error = await outcome(async () => openStore(dir).write(async (w) => add(w, { x: ['of 4'] })))
    expect(error).toMatchObject({ kind: 'corrupt', code: 'file-damaged', hint, changed: 'no' })
    expect((error as Error).message).toContain('contains generation 4, but commit 15 was made in generation 5')
    expect(() => planOf(dir)).toThrow(expect.objectContaining({ code: 'file-damaged', hint }))
    expect(footprint()).toEqual(before)
    expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual([...words, 'of 5'])
  })

  it('a copy with an older marker and newer commits is promoted to a generation above both', async () => {
    // one made for tests is always live
    const place = scratch()
    onTestFinished(() => place.remove())
    dir = place.dir
    await place.open().write(async (w) => add(w, { x: words }))
    rewrite(MARKER, (before) => before.replace('"generation":1', '"generation":5'))
    writeInstallationId(dir, thisInstallation(dir, 5, metaAt(0).at))
    await openStore(dir).write(async (w) => add(w, { x: ['of 5'] }))
    rewrite(MARKER, (before) => before.replace('"generation":5', '"generation":1'))
    unlinkSync(at('status/origin.json'))
    expect(openStore(dir).role()).toMatchObject({ role: 'standby' })
    expect((await openStore(dir).promote(metaAt(99).at)).generation).toBe(6)
    expect(readMarker(dir).generation).toBe(6)
    await openStore(dir).write(async (w) => add(w, { x: ['of 6'] }))
    expect(existsSync(at('cas/x/surplus'))).toBe(false)
    expect(await openStore(dir).read(async (r) => r.load(ca('x'))?.version)).toBe(14)
  })
})
