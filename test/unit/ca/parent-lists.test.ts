/** Lists of a remote parent: what counts at once, what is confirmed first, and what waits for the operator. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { runCa } from '../../../src/core/app/session/context.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import {
  CONFIRM_SECONDS,
  isRenewalWorth,
  type ListedClass,
  MOST_CLASSES,
  MOST_NEW_CLASSES,
} from '../../../src/core/ca/parent-lists.js'
import type { ReceivedCertificate } from '../../../src/core/ca/state/state.js'
import type { KeyId, Sha256 } from '../../../src/core/crypto/ports.js'
import { parseResources, toResourceText } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { CA, REG, underRegistry } from '../../support/rpki/registry-parent.js'
import { START, type World } from '../../support/rpki/small-world.js'

const YEAR = 365 * 86_400
const END = addSeconds(START, YEAR)

let world: World
beforeEach(async () => {
  world = await underRegistry()
})

const key = (name = '0') => world.ca('acme').classes[name]?.keys[0]
const classNames = (): readonly string[] => Object.keys(world.ca('acme').classes)

/** A class as listed; with `certified`, our key has a certificate of `sha` for these resources. */
function offer(resources: string, options: { certified?: string; sha?: string; notAfter?: Instant } = {}): Offer {
  const { certified, sha = 'a', notAfter = END } = options
  const ski = key()?.ski
  const certificate = {
    uri: 'rsync://registry.example/repo/REG.cer',
    sha256: sha.repeat(64) as Sha256,
    resources: toResourceText(parseResources(certified ?? resources)),
    notAfter,
  }
  return {
    className: 'IANA-1',
    resources: toResourceText(parseResources(resources)),
    notAfter,
    certificates: certified === undefined || ski === undefined ? [] : [{ ...certificate, ski: ski as KeyId }],
  }
}

interface Offer extends ListedClass {
  readonly certificates: readonly (ReceivedCertificate & { readonly ski: KeyId })[]
}

/** Receives the listed certificates of our keys, then takes the list. Returns the events of both. */
async function list(classes: readonly Offer[], acceptLoss = false): Promise<readonly { readonly type: string }[]> {
  const events: { readonly type: string }[] = []
  for (const { ski, ...certificate } of classes.flatMap((c) => c.certificates))
    events.push(...(await runCa(world.tx, CA, { type: 'certificate.receive', className: '0', ski, certificate })))
  const offers = classes.map(({ className, resources, notAfter }) => ({ className, resources, notAfter }))
  events.push(...(await runCa(world.tx, CA, { type: 'parent.list', parent: REG, classes: offers, acceptLoss })))
  return events
}
const types = (events: readonly { type: string }[]): readonly string[] => events.map((e) => e.type)

/** Certifies the class and adds `count` ROAs in 10.0.0.0/16. */
async function certified(count: number): Promise<void> {
  await list([offer('10.0.0.0/8')])
  await list([offer('10.0.0.0/8', { certified: '10.0.0.0/8' })])
  const add = Array.from({ length: count }, (_, i) => {
    const parsed = parseRoaPayload(`10.0.${i}.0/24 => 64496`)
    if (!('ok' in parsed)) throw new Error('bad ROA')
    return { comment: null, ...parsed.ok }
  })
  await runCa(world.tx, CA, { type: 'roas.update', add, remove: [] })
}

test('a class that is listed for the first time gets a key, and nothing is published yet', async () => {
  expect(types(await list([offer('10.0.0.0/8')]))).toEqual(['class.added', 'class.listed'])
  expect(key()?.state).toBe('pending')
  expect(world.ca('acme').classes['0']?.listed).toEqual({
    resources: { asn: '', ipv4: '10.0.0.0/8', ipv6: '' },
    notAfter: END,
  })
})

test('the certificate of our key is received from the list, and the manifest is issued with it', async () => {
  await list([offer('10.0.0.0/8')])
  expect(types(await list([offer('10.0.0.0/8', { certified: '10.0.0.0/8' })]))).toEqual([
    'certificate.received',
    'point.issued',
  ])
  expect(await list([offer('10.0.0.0/8', { certified: '10.0.0.0/8' })])).toEqual([])
})

test('many classes are added by several lists, up to a bound for all, and each class that goes makes room for one', async () => {
  const many = (from: number) =>
    Array.from({ length: 3 * MOST_CLASSES }, (_, n) => ({ ...offer('10.0.0.0/8'), className: `c${from + n}` }))
  const counts: number[] = []
  let made = 0
  // none of them signs
  const createKey = vi.spyOn(world.tx.ports.signer, 'createKey').mockImplementation(async () => {
    made += 1
    return { id: made.toString(16).toUpperCase().padStart(40, '0') as KeyId, spki: new Uint8Array([made]) }
  })
  for (let lists = 0; lists < 7; lists++) {
    await list(many(0))
    counts.push(classNames().length)
  }
  expect(counts).toEqual([20, 40, 60, 80, 100, 100, 100])
  expect([MOST_NEW_CLASSES, MOST_CLASSES]).toEqual([20, 100])
  // removes one, then adds one
  await list(many(1))
  await list(many(1))
  expect(classNames()).toHaveLength(100)
  expect(classNames()).toContain('100')
  expect(createKey).toHaveBeenCalledTimes(MOST_CLASSES + 1)
})

describe('a list without the class', () => {
  test('removes a class that never had a certificate at once', async () => {
    await list([offer('10.0.0.0/8')])
    expect(types(await list([]))).toEqual(['class.removed'])
  })

  test('is doubted first, obeyed when a later list says the same and the loss is small', async () => {
    await certified(3)
    expect(types(await list([]))).toEqual(['class.doubted'])
    world.pass(CONFIRM_SECONDS - 1)
    expect(await list([])).toEqual([])
    world.pass(1)
    expect(types(await list([]))).toEqual(['class.removed'])
  })

  test('is held for the operator when it would withdraw more than the limit, and obeyed on request', async () => {
    await certified(6)
    await list([])
    world.pass(CONFIRM_SECONDS)
    expect(types(await list([]))).toEqual(['class.doubted'])
    expect(world.ca('acme').classes['0']?.doubt).toMatchObject({ reason: 'missing', held: true })
    world.pass(30 * 86_400)
    expect(await list([])).toEqual([])
    expect(classNames()).toEqual(['0'])
    expect(types(await list([], true))).toEqual(['class.removed'])
  })

  test('is forgotten when the class is listed again', async () => {
    await certified(6)
    await list([])
    expect(types(await list([offer('10.0.0.0/8', { certified: '10.0.0.0/8' })]))).toEqual(['class.confirmed'])
    expect(world.ca('acme').classes['0']?.doubt).toBeUndefined()
  })
})

describe('a list with less', () => {
  test('is doubted, then taken over as what to request', async () => {
    await certified(2)
    const less = offer('10.0.0.0/24', { certified: '10.0.0.0/8' })
    expect(types(await list([less]))).toEqual(['class.doubted'])
    expect(world.ca('acme').classes['0']?.listed?.resources.ipv4).toBe('10.0.0.0/8')
    world.pass(CONFIRM_SECONDS)
    expect(types(await list([less]))).toEqual(['class.confirmed', 'class.listed'])
    expect(world.ca('acme').classes['0']?.listed?.resources.ipv4).toBe('10.0.0.0/24')
  })

  test('with a certificate that has been issued over less is a fact, and followed at once', async () => {
    await certified(6)
    const issued = offer('10.0.0.0/23', { certified: '10.0.0.0/23', sha: 'b' })
    expect(types(await list([issued]))).toEqual(['certificate.received', 'point.issued', 'class.listed'])
    const objects = Object.keys(key()?.point.objects ?? {})
    expect(objects.length).toBe(2)
  })
})

test('more resources are listed at once', async () => {
  await certified(1)
  expect(types(await list([offer('10.0.0.0/8, 192.0.2.0/24', { certified: '10.0.0.0/8' })]))).toEqual(['class.listed'])
})

describe('a later end of the entitlement', () => {
  test.each([
    ['a day more of a year', 86_400, false],
    ['seven days more', 7 * 86_400, true],
    ['a day less', -86_400, false],
  ])('%s', (_, gain, worth) => {
    expect(isRenewalWorth({ notAfter: END }, addSeconds(END, gain), START)).toBe(worth)
  })

  test('is worth a request if it adds a tenth of what is left, and never if it is past', () => {
    const soon = addSeconds(START, 86_400)
    expect(isRenewalWorth({ notAfter: soon }, addSeconds(soon, 8_641), START)).toBe(true)
    expect(isRenewalWorth({ notAfter: soon }, addSeconds(soon, 8_640), START)).toBe(false)
    expect(isRenewalWorth({ notAfter: addSeconds(START, -20) }, addSeconds(START, -10), START)).toBe(false)
  })

  test('leaves no event until it is worth a request', async () => {
    await certified(0)
    const at = (notAfter: Instant) => ({ ...offer('10.0.0.0/8', { certified: '10.0.0.0/8' }), notAfter })
    expect(await list([at(addSeconds(END, 86_400))])).toEqual([])
    expect(types(await list([at(addSeconds(END, 8 * 86_400))]))).toEqual(['class.listed'])
  })
})

test('a CA is not removed while a parent elsewhere certifies a key of it', async () => {
  await certified(1)
  await expect(runCa(world.tx, CA, { type: 'ca.remove' })).rejects.toMatchObject({
    error: { code: 'ca-held-elsewhere', details: { faults: [{ details: { parents: [REG], repository: false } }] } },
  })
  await runCa(world.tx, CA, { type: 'parent.remove', parent: REG })
  expect(types(await runCa(world.tx, CA, { type: 'ca.remove' }))).toEqual(['ca.removed'])
})

test('a CA whose parent elsewhere is gone for ever is removed if that is said', async () => {
  await certified(1)
  expect(types(await runCa(world.tx, CA, { type: 'ca.remove', abandon: true }))).toEqual(['ca.removed'])
})
