/** Limits of one change. */
import { describe, expect, it } from 'vitest'
import {
  emptiedViolations,
  expiryViolations,
  FREE_REMOVALS,
  MAX_OBJECT_OCTETS,
  removalViolations,
  sizeViolations,
} from '../../../../src/core/app/safety/limits.js'
import { vrpChanges } from '../../../../src/core/app/safety/vrp-changes.js'
import { pubdState, runCa, runPubd, type TransactionContext } from '../../../../src/core/app/session/context.js'
import { publishLocal } from '../../../../src/core/app/transaction/local-publication.js'
import { type Handle, parseHandle } from '../../../../src/core/base/handle.js'
import { roaOf } from '../../../support/routing/routes.js'
import { settled } from '../../../support/rpki/settled-world.js'
import { chainOf, emptyWorld } from '../../../support/rpki/small-world.js'

const [TOP, LOW] = ['top', 'low'].map(parseHandle) as [Handle, Handle]

const numbered = (count: number, net = 0) => Array.from({ length: count }, (_, n) => `10.${net}.${n}.0/24 => 64496`)

const update = (tx: TransactionContext, handle: Handle, add: readonly string[], remove: readonly string[] = []) =>
  runCa(tx, handle, {
    type: 'roas.update',
    add: add.map((text) => ({ payload: roaOf(text), comment: null })),
    remove: remove.map(roaOf),
  })

async function family(top: number, low = 0): Promise<TransactionContext> {
  const world = emptyWorld()
  await chainOf(world, ['top', '10.0.0.0/8, AS64496'], ['low', '10.1.0.0/16'])
  await update(world.tx, TOP, numbered(top))
  if (low > 0) await update(world.tx, LOW, numbered(low, 1))
  await publishLocal(world.tx)
  world.pass(60)
  return settled(world)
}

const removals = ({ work }: TransactionContext, allowed?: number) =>
  removalViolations(work, vrpChanges(work), allowed).map(({ message }) => message)

describe('removalViolations', () => {
  it(`lets ${FREE_REMOVALS} VRPs vanish from any CA, and holds one more`, async () => {
    const few = await family(8)
    await update(few, TOP, [], numbered(FREE_REMOVALS))
    expect(removals(few)).toEqual([])
    const more = await family(8)
    await update(more, TOP, [], numbered(FREE_REMOVALS + 1))
    expect(removals(more)).toEqual(['6 of 8 VRPs of top would vanish, more than 10 %'])
    expect(removals(more, 6)).toEqual([])
    expect(removals(more, 5)).toEqual(['6 VRPs would vanish, and --max-removals allows 5'])
  })

  it('takes a tenth of the VRPs of a CA as its limit, and a hundredth of all as that of the directory', async () => {
    const tenth = await family(60)
    await update(tenth, TOP, [], numbered(6))
    expect(removals(tenth)).toEqual(['6 of 60 VRPs of this directory would vanish, more than 1 %'])
    const seventh = await family(60)
    await update(seventh, TOP, [], numbered(7))
    expect(removals(seventh)).toEqual(['7 of 60 VRPs of top would vanish, more than 10 %'])
  })

  it('lets a hundredth of all vanish', async () => {
    const tx = await family(250, 250)
    await update(tx, TOP, numbered(1, 2), numbered(FREE_REMOVALS + 1))
    expect(removals(tx)).toEqual(['6 of 500 VRPs of this directory would vanish, more than 1 %'])
    const large = vrpChanges(tx.work).map((change) => ({ ...change, before: 350 }))
    expect(removalViolations(tx.work, large, undefined)).toEqual([])
  })

  it('counts what replaces a VRP as one that vanishes, and an addition as none', async () => {
    const tx = await family(7)
    await update(tx, TOP, numbered(200, 3))
    expect(removals(tx)).toEqual([])
    await update(tx, TOP, [], numbered(7))
    expect(removals(tx)).toEqual(['7 of 7 VRPs of top would vanish, more than 10 %'])
  })
})

describe('emptiedViolations', () => {
  it('holds a publisher that would lose its last object, and not one that is removed', async () => {
    const tx = await family(1, 1)
    await runPubd(tx, { type: 'publish', changes: [{ publisher: LOW, put: [], drop: filesOf(tx, LOW) }] })
    expect(emptiedViolations(tx.work)).toEqual([
      { code: 'publisher-emptied', message: 'the publisher low would have no object left' },
    ])
    await runPubd(tx, { type: 'publisher.remove', publisher: LOW })
    expect(emptiedViolations(tx.work)).toEqual([])
  })
})

function filesOf(tx: TransactionContext, publisher: Handle): readonly string[] {
  return Object.keys(pubdState(tx.work).publishers[publisher]?.objects ?? {})
}

describe('expiryViolations', () => {
  it('holds a manifest that ends earlier than the jitter explains', async () => {
    const tx = await family(1)
    const shorter = { ...tx, ports: { ...tx.ports, timing: { ...tx.ports.timing, publishNextSeconds: 7200 } } }
    await update(shorter, TOP, numbered(1, 2))
    expect(expiryViolations(tx.work, 0).map(({ code, message }) => [code, message.slice(0, 23)])).toEqual([
      ['expiry-earlier', 'the manifest of top wou'],
    ])
    expect(expiryViolations(tx.work, 86_400)).toEqual([])
    const usual = await family(1)
    await update(usual, TOP, numbered(1, 2))
    expect(expiryViolations(usual.work, 0)).toEqual([])
  })
})

describe('sizeViolations', () => {
  it('refuses an object that validators do not read', async () => {
    const tx = await family(1)
    tx.work.put(new Uint8Array(MAX_OBJECT_OCTETS), tx.ports.clock.now())
    expect(sizeViolations(tx.work)).toEqual([])
    tx.work.put(new Uint8Array(MAX_OBJECT_OCTETS + 1), tx.ports.clock.now())
    expect(sizeViolations(tx.work)).toHaveLength(1)
  })
})
