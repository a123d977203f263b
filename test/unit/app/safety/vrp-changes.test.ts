/** VRPs that a change adds and removes, by CA. */
import { beforeAll, describe, expect, it } from 'vitest'
import { syncResources } from '../../../../src/core/app/authority/resource-sync.js'
import { vrpsAround } from '../../../../src/core/app/safety/all-vrps.js'
import { vrpChanges } from '../../../../src/core/app/safety/vrp-changes.js'
import { runCa, runTa, TA_HANDLE, type TransactionContext } from '../../../../src/core/app/session/context.js'
import { type Handle, parseHandle } from '../../../../src/core/base/handle.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'
import { formatRoaPayload } from '../../../../src/core/resources/roa-payload.js'
import { roaOf } from '../../../support/routing/routes.js'
import { settled } from '../../../support/rpki/settled-world.js'
import { chainOf, emptyWorld, type World } from '../../../support/rpki/small-world.js'

const [TOP, MID, LOW] = ['top', 'mid', 'low'].map(parseHandle) as [Handle, Handle, Handle]

const update = (tx: TransactionContext, handle: Handle, add: readonly string[], remove: readonly string[] = []) =>
  runCa(tx, handle, {
    type: 'roas.update',
    add: add.map((text) => ({ payload: roaOf(text), comment: null })),
    remove: remove.map(roaOf),
  })

let world: World
beforeAll(async () => {
  world = emptyWorld()
  await chainOf(world, ['top', '10.0.0.0/8, AS64496'], ['mid', '10.1.0.0/16'], ['low', '10.1.1.0/24'])
  await update(world.tx, TOP, ['10.0.0.0/24 => 64496', '10.0.1.0/24 => 64496'])
  await update(world.tx, MID, ['10.1.0.0/24 => 64497'])
  await update(world.tx, LOW, ['10.1.1.0/24 => 64498'])
  world.pass(60)
})

const shown = ({ work }: TransactionContext) =>
  vrpChanges(work).map(({ ca, added, removed, before, after }) => ({
    ca,
    added: added.map(formatRoaPayload),
    removed: removed.map(formatRoaPayload),
    before,
    after,
  }))

describe('vrpChanges', () => {
  it('names what a CA adds and removes, and its numbers before and after', async () => {
    const tx = settled(world)
    await update(tx, TOP, ['10.0.2.0/24-25 => 64499'], ['10.0.0.0/24 => 64496'])
    expect(shown(tx)).toEqual([
      { ca: 'top', added: ['10.0.2.0/24-25 => 64499'], removed: ['10.0.0.0/24-24 => 64496'], before: 2, after: 2 },
    ])
  })

  it('has nothing for a change of a comment', async () => {
    const tx = settled(world)
    await runCa(tx, TOP, {
      type: 'roas.update',
      add: [{ payload: roaOf('10.0.0.0/24 => 64496'), comment: 'a note' }],
      remove: [roaOf('10.0.0.0/24 => 64496')],
    }).catch(() => undefined)
    expect(shown(tx)).toEqual([])
  })

  it('counts ROAs that are configured and no longer held as removed, and as added when the resources return', async () => {
    const tx = settled(world)
    await runTa(tx, TA_HANDLE, { type: 'child.update', child: TOP, resources: parseResources('10.0.0.0/24') })
    await syncResources(tx, TOP)
    expect(shown(tx)).toContainEqual({
      ca: 'top',
      added: [],
      removed: ['10.0.1.0/24-24 => 64496'],
      before: 2,
      after: 1,
    })
    const lost = { tx }
    const back = settled(lost)
    await runTa(back, TA_HANDLE, { type: 'child.update', child: TOP, resources: parseResources('10.0.0.0/8, AS64496') })
    await syncResources(back, TOP)
    expect(shown(back)).toContainEqual({
      ca: 'top',
      added: ['10.0.1.0/24-24 => 64496'],
      removed: [],
      before: 1,
      after: 2,
    })
  })

  it('counts all below a suspended CA as removed, and as added after the suspension', async () => {
    const tx = settled(world)
    await runCa(tx, TOP, { type: 'child.suspend', child: MID })
    expect(shown(tx).map(({ ca, removed }) => [ca, ...removed])).toEqual([
      ['low', '10.1.1.0/24-24 => 64498'],
      ['mid', '10.1.0.0/24-24 => 64497'],
    ])
    const back = settled({ tx })
    await runCa(back, TOP, { type: 'child.unsuspend', child: MID })
    expect(shown(back).map(({ ca, added }) => [ca, ...added])).toEqual([
      ['low', '10.1.1.0/24-24 => 64498'],
      ['mid', '10.1.0.0/24-24 => 64497'],
    ])
  })
})

describe('vrpsAround', () => {
  it('takes ours as they are, and of a validator only what was never ours', async () => {
    const tx = settled(world)
    await update(tx, TOP, [], ['10.0.0.0/24 => 64496'])
    const seen = ['10.0.0.0/24 => 64496', '10.1.0.0/24 => 64497', '10.9.0.0/24 => 65000'].map(roaOf)
    const { before, after } = vrpsAround(tx.work, seen)
    const own = [
      '10.0.1.0/24-24 => 64496',
      '10.1.0.0/24-24 => 64497',
      '10.1.1.0/24-24 => 64498',
      '10.9.0.0/24-24 => 65000',
    ]
    expect(after.map(formatRoaPayload).sort()).toEqual(own)
    expect(before.map(formatRoaPayload).sort()).toEqual(['10.0.0.0/24-24 => 64496', ...own])
  })
})
