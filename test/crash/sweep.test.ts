/**
 * Commands that change something, failed at their file operations: all or nothing, what they say is true, the next command works, and
 * history is whole. A sample of the operations; all of them with SLOW=1, which prints how many cases it saw.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addCa } from '../../src/core/app/ca.js'
import { updateChild } from '../../src/core/app/children.js'
import { republish } from '../../src/core/app/republish.js'
import { resourcesOf } from '../../src/core/app/resources.js'
import { roaArguments } from '../../src/core/app/roa-set.js'
import { updateRoas } from '../../src/core/app/roas.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { KINDS, type Subject, sweep } from '../support/sweep.js'
import { newTestbed, quickSession } from '../support/testbed.js'

const NOW = '2026-01-01T00:00:00Z'
const LATER = '2026-01-02T00:00:00Z'
const TESTBED = parseHandle('testbed')
const ACME = parseHandle('acme')
const slow = process.env['SLOW'] === '1'
const folder = mkdtempSync(join(tmpdir(), 'brine-sweep-base-'))
const base = join(folder, 'base')

const addRoa = async (dir: string, now: string, ca: typeof ACME, text: string) =>
  updateRoas(await quickSession(dir, now), ca, roaArguments({ add: [text] }), {})

beforeAll(async () => {
  await newTestbed(base, NOW)
  await addCa(await quickSession(base, NOW), ACME, { parent: TESTBED, resources: resourcesOf('10.0.0.0/8') })
  // the next change passes a fifth event
  await addRoa(base, NOW, ACME, '10.0.0.0/24 => 64496')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const next: Subject['next'] = (dir, now) => addRoa(dir, now, TESTBED, '192.0.2.0/24 => 64511')
const subjects: readonly Subject[] = [
  {
    name: 'roa add',
    now: NOW,
    base,
    next,
    run: (dir, now) => addRoa(dir, now, ACME, '10.1.0.0/24 => 64497'),
  },
  {
    name: 'ca add',
    now: NOW,
    base,
    next,
    run: async (dir, now) =>
      addCa(await quickSession(dir, now), parseHandle('second'), {
        parent: ACME,
        resources: resourcesOf('10.2.0.0/16'),
      }),
  },
  {
    name: 'child update',
    now: NOW,
    base,
    next,
    run: async (dir, now) => updateChild(await quickSession(dir, now), TESTBED, ACME, () => resourcesOf('10.1.0.0/16')),
  },
  {
    name: 'republish',
    now: LATER,
    base,
    next,
    run: async (dir, now) => republish(await quickSession(dir, now)),
  },
]

it.each(subjects.map((s) => [s.name, s] as const))(
  '%s',
  async (_, subject) => {
    const { operations, cases, complaints } = await sweep(subject, KINDS, slow ? 1 : 41)
    if (slow) process.stderr.write(`${subject.name}: ${operations.length} operations, ${cases} cases\n`)
    expect(operations.length).toBeGreaterThan(30)
    expect(complaints).toEqual([])
  },
  7_200_000,
)
