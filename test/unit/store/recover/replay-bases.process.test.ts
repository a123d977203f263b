/** After a file of history was given up, a proof by replay continues from the snapshot of that recovery: it stays, and it is recovered. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { auditWords, planOf, recoverWords } from '../../../support/store/recovery.js'
import { add } from '../../../support/store/store.js'
import { storeCopies } from '../../../support/store/store-copies.js'

const copies = storeCopies((w) => {
  for (let n = 0; n < 12; n++) add(w, { x: [`${n}`] })
})
let dir = ''
let copy = ''
const at = (name: string): string => join(dir, 'cas/x', name)

const addWords = (count: number) =>
  openStore(dir).write(async (w) => {
    for (let n = 0; n < count; n++) add(w, { x: [`later ${n}`] })
  })

beforeEach(async () => {
  dir = copies.dir
  copy = `${dir}-whole`
  rmSync(at('event-2.json'))
  const { plan } = await recoverWords(dir)
  expect(plan.aggregates[0]?.plan).toMatchObject({ gone: { commands: [], events: [[2, 2]] }, lost: [] })
  await addWords(8)
  cpSync(dir, copy, { recursive: true })
})
afterEach(() => rmSync(copy, { recursive: true, force: true }))

const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
  ['missing', (path) => rmSync(path)],
  ['cut', (path) => writeFileSync(path, readFileSync(path).subarray(0, 40))],
  [
    'a folder',
    (path) => {
      rmSync(path)
      mkdirSync(path)
    },
  ],
]

describe.each(DAMAGES)('that snapshot is %s', (_, damage) => {
  it('and a copy has it: it is restored, byte for byte', async () => {
    const before = readFileSync(at('snapshot-13.json'))
    damage(at('snapshot-13.json'))
    expect(await auditWords(dir)).not.toEqual([])
    const { plan } = await recoverWords(dir, { from: [copy] })
    expect(plan.aggregates[0]?.plan).toMatchObject({ gone: { commands: [], events: [] }, recorded: false })
    expect(readFileSync(at('snapshot-13.json'))).toEqual(before)
    expect(await auditWords(dir)).toEqual([])
  })

  it('and no copy has it: it is declared gone, and history can be proved from that recovery on', async () => {
    damage(at('snapshot-13.json'))
    const { plan } = await recoverWords(dir)
    const gone = { commands: [], events: [], snapshots: [[13, 13]] }
    expect(plan.aggregates[0]?.plan).toMatchObject({ gone, lost: [], recorded: true })
    expect(await auditWords(dir)).toEqual([])
    expect(planOf(dir).isEmpty).toBe(true)
    await addWords(8)
    damage(at('snapshot-22.json'))
    expect(await auditWords(dir)).toHaveLength(1)
    await recoverWords(dir, {})
    expect(await auditWords(dir)).toEqual([])
    expect(planOf(dir).isEmpty).toBe(true)
  })
})

it('is not removed as unused', async () => {
  const age = new Date(Date.now() - 3 * 86_400_000)
  for (const name of readdirSync(join(dir, 'cas/x'))) if (name.startsWith('snapshot-')) utimesSync(at(name), age, age)
  await addWords(45)
  const left = readdirSync(join(dir, 'cas/x')).filter((name) => /^snapshot-\d/.test(name))
  expect(left).not.toContain('snapshot-10.json')
  expect(left).toContain('snapshot-13.json')
  expect(await auditWords(dir)).toEqual([])
})

it('is not missed if no file of history is given up', async () => {
  rmSync(dir, { recursive: true })
  cpSync(copies.sound, dir, { recursive: true })
  rmSync(at('event-11.json'))
  await recoverWords(dir)
  await addWords(8)
  rmSync(at('snapshot-13.json'))
  expect(await auditWords(dir)).toEqual([])
  expect(planOf(dir).isEmpty).toBe(true)
})
