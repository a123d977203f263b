/**
 * Damaged, missing and uncommitted files: damage that loses nothing is bypassed and repaired, damage that would lose commands stops only
 * that aggregate.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { type FileOperation, onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { encodeRecord } from '../../../../src/core/store/disk/records.js'
import { add, ca, metaAt, type Scratch, scratch, stageRejected, wordsOf } from '../../../support/store/store.js'
import { strangers, wholeHistory } from '../../../support/store/store-audit.js'

let one: Scratch
let words: string[]
const at = (path: string): string => join(one.dir, path)

beforeEach(async () => {
  one = scratch()
  words = []
  const store = one.open()
  await store.write(async (w) => {
    for (let n = 0; n < 12; n++) {
      add(w, n === 3 ? { x: [`${n}`], y: ['y'] } : { x: [`${n}`] })
      words.push(`${n}`)
    }
    w.commit({ meta: metaAt(20), aggregates: [stageRejected(w, 'x')], objects: new Map() })
    add(w, { other: ['o'] })
  })
})

afterEach(() => {
  onFileOperation(undefined)
  one.remove()
})

function flip(path: string, pattern: RegExp): void {
  const text = readFileSync(at(path), 'utf8')
  const changed = text.replace(
    pattern,
    (hit) => hit.slice(0, -1) + String.fromCharCode(hit.charCodeAt(hit.length - 1) ^ 1),
  )
  expect(changed).not.toBe(text)
  writeFileSync(at(path), changed)
}

function asFolder(path: string): void {
  unlinkSync(at(path))
  mkdirSync(at(path))
}

async function fails(match: object, path: string): Promise<void> {
  await expect(one.open().read(async (r) => r.load(ca('x')))).rejects.toMatchObject({ kind: 'corrupt', ...match })
  const error = await one
    .open()
    .read(async (r) => r.load(ca('x')))
    .catch((e: Error) => e)
  expect((error as Error).message).toContain(path)
  // one damaged file must not stop the others
  expect(await one.open().read(async (r) => wordsOf(r, 'other'))).toEqual(['o'])
}

/** Reads with a warning, loses nothing, and after the next write reads without one. */
async function mends(): Promise<void> {
  const first = one.open()
  expect(await first.read(async (r) => [wordsOf(r, 'x'), r.load(ca('x'))?.sequence])).toEqual([words, 13])
  expect(first.warnings).toHaveLength(1)
  await one.open().write(async (w) => add(w, { x: ['after'] }))
  const then = one.open()
  expect(await then.read(async (r) => wordsOf(r, 'x'))).toEqual([...words, 'after'])
  expect(then.warnings).toEqual([])
  expect((await wholeHistory(then))['x']).toHaveLength(13)
}

describe('damage that loses nothing is bypassed and repaired by the next write', () => {
  const harmless: readonly (readonly [string, () => void])[] = [
    ['info.json is missing', () => unlinkSync(at('cas/x/info.json'))],
    ['info.json is empty', () => writeFileSync(at('cas/x/info.json'), '')],
    ['info.json is a folder', () => asFolder('cas/x/info.json')],
    ['info.json has wrong content', () => flip('cas/x/info.json', /"sequence":1[0-9],"s/)],
    [
      'info.json is of another aggregate',
      () => writeFileSync(at('cas/x/info.json'), readFileSync(at('cas/other/info.json'))),
    ],
    ['the snapshot is damaged', () => flip('cas/x/snapshot-10.json', /"words":\["0/)],
    ['the snapshot is a folder', () => asFolder('cas/x/snapshot-10.json')],
    ['the snapshot is missing', () => unlinkSync(at('cas/x/snapshot-10.json'))],
    [
      'the snapshot and info.json are missing',
      () => {
        unlinkSync(at('cas/x/snapshot-10.json'))
        unlinkSync(at('cas/x/snapshot.json'))
        unlinkSync(at('cas/x/info.json'))
      },
    ],
  ]
  for (const [name, break_] of harmless) {
    it(name, async () => {
      break_()
      await mends()
    })
  }

  it('the cache of a first commit does not exist yet: no warning', async () => {
    unlinkSync(at('cas/other/info.json'))
    const reader = one.open()
    expect([await reader.read(async (r) => wordsOf(r, 'other')), reader.warnings]).toEqual([['o'], []])
    await one.open().write(async (w) => add(w, { x: ['after'] }))
    const later = one.open()
    expect([await later.read(async (r) => wordsOf(r, 'other')), later.warnings.length]).toEqual([['o'], 1])
  })

  it('the head cache is a folder', async () => {
    asFolder('status/head.json')
    await one.open().write(async (w) => add(w, { x: ['after'] }))
    expect(await one.open().read(async (r) => wordsOf(r, 'x'))).toEqual([...words, 'after'])
    expect(JSON.parse(readFileSync(at('status/head.json'), 'utf8')).head).toBe(15)
  })

  it('both snapshots are damaged: all events are replayed', async () => {
    flip('cas/x/snapshot-10.json', /"words":\["0/)
    flip('cas/x/snapshot-5.json', /"words":\["0/)
    expect(await one.open().read(async (r) => [wordsOf(r, 'x'), r.load(ca('x'))?.snapshot])).toEqual([words, undefined])
  })

  it('the head cache is missing, empty or wrong', async () => {
    for (const text of [undefined, '', '{"format":1,"head":3,"sha256":"","check":""}', '{']) {
      if (text === undefined) unlinkSync(at('status/head.json'))
      else writeFileSync(at('status/head.json'), text)
      expect(await one.open().read(async (r) => [r.head, wordsOf(r, 'x')])).toEqual([14, words])
    }
    await one.open().write(async (w) => add(w, { x: ['after'] }))
    expect(JSON.parse(readFileSync(at('status/head.json'), 'utf8')).head).toBe(15)
  })
})

describe('damage that would lose commands stops that aggregate', () => {
  it('a flipped byte in an event', async () => {
    flip('cas/x/event-11.json', /"word":"1/)
    await fails({ code: 'file-damaged', hint: 'brine recover ca/x --dry-run' }, 'event-11.json (ca/x)')
  })

  it('a folder or a link in the place of an event or a record', async () => {
    for (const name of ['event-11.json', 'command-13.json']) {
      asFolder(`cas/x/${name}`)
      await fails({ code: 'file-damaged' }, `${name} (ca/x)`)
    }
    rmdirSync(at('cas/x/event-11.json'))
    symlinkSync('/etc/hostname', at('cas/x/event-11.json'))
    await fails({ code: 'file-damaged' }, 'cas/x/')
  })

  it('a flipped byte in a command record', async () => {
    flip('cas/x/command-12.json', /"actor":"t/)
    await fails({ code: 'file-damaged' }, 'command-12.json')
    flip('cas/x/command-13.json', /"message":"n/)
    await fails({ code: 'file-damaged' }, 'command-13.json')
  })

  it('a missing event, a missing record, a missing last record', async () => {
    for (const name of ['event-10.json', 'command-11.json', 'command-13.json']) {
      renameSync(at(`cas/x/${name}`), at('hidden'))
      await fails({ code: 'file-missing' }, name)
      renameSync(at('hidden'), at(`cas/x/${name}`))
    }
    expect(await one.open().read(async (r) => wordsOf(r, 'x'))).toEqual(words)
  })

  it('a missing last record with the cache missing too', async () => {
    unlinkSync(at('cas/x/info.json'))
    unlinkSync(at('cas/x/command-13.json'))
    await fails({ code: 'file-missing' }, 'command-13.json')
  })

  it('a missing folder is corruption, not absence', async () => {
    rmSync(at('cas/x'), { recursive: true })
    await fails({ code: 'file-missing' }, join('cas', 'x'))
    await expect(one.open().write(async (w) => add(w, { x: ['new'] }))).rejects.toMatchObject({ kind: 'corrupt' })
    expect(existsSync(at('cas/x'))).toBe(false)
  })

  it('a write to another aggregate succeeds', async () => {
    rmSync(at('cas/x'), { recursive: true })
    await one.open().write(async (w) => add(w, { other: ['p'] }))
    expect(await one.open().read(async (r) => wordsOf(r, 'other'))).toEqual(['o', 'p'])
  })
})

describe('a damaged chain of commits', () => {
  const broken = async (code: string): Promise<void> => {
    await expect(one.open().read(async (r) => r.load(ca('x')))).rejects.toMatchObject({ kind: 'corrupt', code })
    const before = readdirSync(at('cas/x')).sort()
    await expect(one.open().write(async (w) => add(w, { x: ['n'] }))).rejects.toMatchObject({ kind: 'corrupt', code })
    expect(readdirSync(at('cas/x')).sort()).toEqual(before)
  }

  it('without commits/, without its files, without the last one', async () => {
    renameSync(at('commits'), at('hidden'))
    await broken('commit-missing')
    mkdirSync(at('commits'))
    await broken('commit-missing')
    unlinkSync(at('status/head.json'))
    await broken('commit-missing')
    rmSync(at('commits'), { recursive: true })
    renameSync(at('hidden'), at('commits'))
    unlinkSync(at('commits/13.json'))
    await broken('commit-missing')
  })

  it('the newest commits and the head cache are missing: the cache of the aggregate shows it', async () => {
    unlinkSync(at('status/head.json'))
    unlinkSync(at('commits/14.json'))
    unlinkSync(at('commits/13.json'))
    await broken('commit-missing')
    // the lost commits do not list y, and a write to it must still not overwrite them
    await expect(one.open().write(async (w) => add(w, { y: ['n'] }))).rejects.toMatchObject({ code: 'commit-missing' })
  })

  it('a flipped byte in the head commit and in the roster', async () => {
    flip('commits/14.json', /"generation":1/)
    await broken('file-damaged')
    flip('commits/14.json', /"generation":0/)
    expect(await one.open().read(async (r) => wordsOf(r, 'x'))).toEqual(words)
    writeFileSync(at('commits/14.json'), 'not json\n')
    await broken('file-damaged')
  })
})

describe('not damage', () => {
  it('a read error is an io error and moves nothing', async () => {
    for (const errno of ['EIO', 'EACCES', 'EMFILE']) {
      let seen = 1
      for (let n = 1; seen >= n; n++) {
        seen = 0
        onFileOperation((operation: FileOperation) => {
          seen += 1
          if (seen === n && ['read', 'stat', 'list'].includes(operation))
            throw Object.assign(new Error(errno), { code: errno })
        })
        const load = async (): Promise<unknown> => openStore(one.dir).read(async (r) => r.load(ca('x')))
        const error = await load().then(
          () => undefined,
          (e: unknown) => e,
        )
        onFileOperation(undefined)
        if (seen >= n) expect(error).toMatchObject({ kind: 'io', details: { errno } })
      }
    }
    expect(readdirSync(at('cas/x')).filter((n) => n === 'surplus' || n === 'corrupt')).toEqual([])
    expect(await one.open().read(async (r) => wordsOf(r, 'x'))).toEqual(words)
  })

  it('data of a newer program is reported as such and left unchanged', async () => {
    const marker = JSON.parse(readFileSync(at('brine.json'), 'utf8'))
    writeFileSync(at('brine.json'), JSON.stringify({ ...marker, format: 3, more: true }))
    expect(() => one.open()).toThrow(expect.objectContaining({ kind: 'format', code: 'format-newer' }))
    writeFileSync(at('brine.json'), JSON.stringify(marker))
    const head = JSON.parse(readFileSync(at('commits/14.json'), 'utf8'))
    writeFileSync(at('commits/15.json'), encodeRecord({ ...head, commit: 15, format: 5 }))
    await expect(one.open().write(async (w) => add(w, { x: ['n'] }))).rejects.toMatchObject({ kind: 'format' })
    expect(existsSync(at('cas/x/surplus'))).toBe(false)
  })
})

describe('files of a command that died', () => {
  const leave = (): void => {
    writeFileSync(
      at('cas/x/event-12.json'),
      encodeRecord({ kind: 'ca', handle: 'x', version: 12, event: { type: 'added', word: 'ghost' } }),
    )
    writeFileSync(at('cas/x/event-13.json'), 'torn')
    writeFileSync(at('cas/x/snapshot-14.json'), 'torn')
    mkdirSync(at('cas/newborn'))
    writeFileSync(at('cas/newborn/event-0.json'), 'torn')
    writeFileSync(at('tmp/.tmp-event-14.json-abc'), 'half')
  }

  it('are ignored and kept by a read', async () => {
    leave()
    const before = readdirSync(at('cas/x'))
    expect(await one.open().read(async (r) => [wordsOf(r, 'x'), r.load(ca('newborn'))])).toEqual([words, undefined])
    expect(readdirSync(at('cas/x'))).toEqual(before)
  })

  it('are moved to surplus/ by a write, with a warning', async () => {
    leave()
    const store = one.open()
    await store.write(async (w) => add(w, { x: ['after'], newborn: ['n'] }))
    expect(
      readdirSync(at('cas/x/surplus'))
        .map((n) => n.split('.')[0])
        .sort(),
    ).toEqual(['event-12', 'event-13', 'snapshot-14'])
    expect(store.warnings).toHaveLength(2)
    expect(store.warnings[0]).toContain('ca/x: moved to surplus/')
    expect(readdirSync(at('tmp'))).toEqual([])
    expect(await wholeHistory(one.open())).toEqual({ x: [...words, 'after'], y: ['y'], other: ['o'], newborn: ['n'] })
    expect(await strangers(store)).toEqual([])
  })

  it('are found if a power loss kept one name and lost those before it', async () => {
    for (const [name, words] of [
      ['event-13.json', ['a', 'b']],
      ['snapshot-15.json', ['c']],
      ['command-16.json', ['d']],
      ['snapshot-20.json', ['e', 'f', 'g', 'h']],
    ] as const) {
      writeFileSync(at(`cas/x/${name}`), 'torn')
      await one.open().write(async (w) => add(w, { x: words }))
      expect(
        readdirSync(at('cas/x/surplus')).some((n) => n.startsWith(`${name}.`)),
        name,
      ).toBe(true)
    }
    expect((await wholeHistory(one.open()))['x']).toEqual([...words, ...'abcdefgh'])
  })

  it('are kept by a write to other aggregates', async () => {
    leave()
    await one.open().write(async (w) => add(w, { other: ['p'] }))
    expect(existsSync(at('cas/x/surplus'))).toBe(false)
  })

  it('committed files that a writer with a failed lock quarantined are found and moved back', async () => {
    mkdirSync(at('cas/x/surplus'))
    renameSync(at('cas/x/event-11.json'), at('cas/x/surplus/event-11.json.0a0b0c'))
    renameSync(at('cas/x/command-13.json'), at('cas/x/surplus/command-13.json.0a0b0c'))
    writeFileSync(at('cas/x/command-13.json'), 'of the loser')
    expect(await one.open().read(async (r) => wordsOf(r, 'x'))).toEqual(words)
    await one.open().write(async (w) => add(w, { x: ['after'] }))
    expect(readdirSync(at('cas/x/surplus')).map((n) => n.split('.')[0])).toEqual(['command-13'])
    expect((await wholeHistory(one.open()))['x']).toEqual([...words, 'after'])
  })

  it('a no-op changes no file', async () => {
    const look = (): readonly string[] =>
      readdirSync(one.dir, { recursive: true, withFileTypes: true })
        .filter((e) => e.isFile())
        .map((e) => `${e.parentPath}/${e.name} ${statSync(join(e.parentPath, e.name)).mtimeMs}`)
        .sort()
    const before = look()
    await one.open().write(async (w) => wordsOf(w, 'x'))
    expect(look()).toEqual(before)
  })
})

describe('the cost of a load', () => {
  const cost = async (): Promise<number> => {
    let operations = 0
    onFileOperation((operation) => {
      if (operation === 'list') throw new Error('a listing on the hot path')
      operations += 1
    })
    await openStore(one.dir).read(async (r) => wordsOf(r, 'x'))
    onFileOperation(undefined)
    return operations
  }

  it('does not grow with history, and lists no folder', async () => {
    const few = await cost()
    await one.open().write(async (w) => {
      for (let n = 0; n < 150; n++) add(w, { x: [`m${n}`] })
      for (let n = 0; n < 60; n++) {
        w.commit({ meta: metaAt(n), aggregates: [stageRejected(w, 'x')], objects: new Map() })
        if (n % 10 === 0) add(w, { other: [`${n}`] })
      }
    })
    expect(Math.abs((await cost()) - few)).toBeLessThan(8)
  })
})
