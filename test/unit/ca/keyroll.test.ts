/** Key rolls of a CA with ROAs, a child and a grandchild below local parents, step by step (RFC 6489). */
import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { activateDue, activateRoll, startRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { dueTimes } from '../../../src/core/ca/publishing.js'
import { publishedFiles } from '../../../src/core/ca/state/files.js'
import { openRequests } from '../../../src/core/ca/state/requests.js'
import type { ResourceClass } from '../../../src/core/ca/state/state.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { parseResources, toResourceText } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { decodeManifest } from '../../../src/core/rpki/manifest.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { taPublishedFiles } from '../../../src/core/ta/state.js'
import { updateIn } from '../../support/rpki/children.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const DAY = 86_400
const [ACME, SUB] = ['acme', 'sub'].map(parseHandle) as [never, never]
const PLAN = { className: null, activateAfter: null, compromised: false }
const NOW = { className: null, now: false, compromised: false }

const roa = (text: string) => {
  const found = parseRoaPayload(text)
  return 'ok' in found ? found.ok.payload : expect.fail(text)
}

async function acme(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['acme', '192.0.2.0/24, 10.0.0.0/8, AS64496'], ['sub', '10.1.0.0/16'], ['leaf', '10.1.1.0/24'])
  await addRoa(world, '192.0.2.0/24 => 64496')
  return world
}

const addRoa = (world: World, text: string) =>
  runCa(world.tx, ACME, { type: 'roas.update', add: [{ payload: roa(text), comment: null }], remove: [] })

const classOf = (world: World, handle = 'acme'): ResourceClass =>
  world.ca(handle).classes['0'] ?? expect.fail(`${handle} has no class`)
const states = (world: World) => classOf(world).keys.map(({ state }) => state)
const names = (world: World, handle = 'acme') => publishedFiles(world.ca(handle)).map(({ name }) => name.slice(2))
const products = (world: World) =>
  names(world)
    .filter((name) => !/\.(mft|crl)$/.test(name))
    .sort()
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof Rejected ? error.error.code : expect.fail(String(error))),
  )

/** Returns each published product with the key that issued it, from its own bytes. */
function issuersOf(world: World): readonly string[] {
  return publishedFiles(world.ca('acme')).flatMap(({ name, sha256 }) => {
    const bytes = world.tx.work.object(sha256)
    if (/\.(mft|crl)$/.test(name)) return []
    if (name.endsWith('.cer')) return [/CN=(.*)/.exec(new X509Certificate(bytes).issuer)?.[1] ?? '']
    return [decodeSignedObject(bytes).content?.ee.issuer ?? '']
  })
}

async function staged(activateAfter: number | null = null): Promise<World> {
  const world = await acme()
  world.pass(60)
  await startRoll(world.tx, ACME, { ...PLAN, activateAfter })
  return world
}

describe('the start of a roll', () => {
  it('stages a second key: certificate, empty manifest and CRL beside the current ones', async () => {
    const before = await acme()
    const world = await staged()
    expect(states(world)).toEqual(['current', 'new'])
    const [current, next] = classOf(world).keys
    expect(next?.point.objects).toEqual({})
    expect(names(world).filter((n) => n.startsWith(next?.ski ?? '?'))).toEqual([`${next?.ski}.mft`, `${next?.ski}.crl`])
    expect(products(world)).toEqual(products(before))
    expect(new Set(issuersOf(world))).toEqual(new Set([current?.ski]))
    const listed = decodeSignedObject(world.tx.work.object(next?.point.manifest?.sha256 ?? expect.fail('no manifest')))
    expect(decodeManifest(listed.content?.eContent ?? new Uint8Array()).content?.files.map(({ name }) => name)).toEqual(
      [`${next?.ski}.crl`],
    )
    expect(taPublishedFiles(world.ta()).filter(({ name }) => name.endsWith('.cer'))).toHaveLength(2)
    expect(classOf(world).roll).toMatchObject({ stagedAt: world.now(), activateAfter: null })
    expect(openRequests(world.ca('acme'), TA_HANDLE)).toEqual([])
  })

  it('is refused while another is open, and without a certificate', async () => {
    const world = await staged()
    expect(await rejection(startRoll(world.tx, ACME, PLAN))).toBe('keyroll-open')
    expect(await rejection(startRoll(world.tx, ACME, { ...PLAN, className: '7' }))).toBe('class-unknown')
    expect(states(world)).toEqual(['current', 'new'])
  })

  it('leaves the issuing to the current key: a new ROA, and a child that grows', async () => {
    const world = await staged()
    await addRoa(world, '10.2.0.0/16 => 64496')
    await updateIn(world, 'sub', '10.0.0.0/9')
    expect(new Set(issuersOf(world))).toEqual(new Set([classOf(world).keys[0]?.ski]))
    expect(classOf(world).keys[1]?.point.objects).toEqual({})
  })
})

describe('both sets of a roll', () => {
  it('stay fresh, and no run issues twice', async () => {
    const world = await staged()
    for (let hours = 0; hours < 72; hours += 6) {
      world.pass(6 * 3600)
      await runCa(world.tx, ACME, { type: 'republish', force: false })
      for (const { point } of classOf(world).keys) expect((point.nextUpdate ?? '') > world.now()).toBe(true)
      expect(await runCa(world.tx, ACME, { type: 'republish', force: false })).toEqual([])
    }
    expect(
      classOf(world)
        .keys.map(({ point }) => point.number)
        .every((n) => n > 3),
    ).toBe(true)
  })

  it('lose resources together, and the class ends with both keys', async () => {
    const world = await staged()
    await updateIn(world, 'acme', '192.0.2.0/24, AS64496')
    const held = classOf(world).keys.map(({ certificate }) => certificate?.resources.ipv4)
    expect(held[1]).toEqual(held[0])
    expect(products(world)).toHaveLength(1)
    world.pass(DAY)
    await activateRoll(world.tx, ACME, NOW)
    expect(products(world)).toHaveLength(1)
    await startRoll(world.tx, ACME, PLAN)
    await updateIn(world, 'acme', '198.51.100.0/24')
    await runTa(world.tx, TA_HANDLE, { type: 'child.update', child: ACME, resources: { asn: [], ipv4: [], ipv6: [] } })
    await syncResources(world.tx, ACME)
    expect(world.ca('acme').classes).toEqual({})
    expect(names(world)).toEqual([])
    expect(taPublishedFiles(world.ta()).filter(({ name }) => name.endsWith('.cer'))).toEqual([])
  })
})

describe('the activation', () => {
  it('waits for a day', async () => {
    const world = await staged()
    world.pass(DAY - 1)
    expect(await rejection(activateRoll(world.tx, ACME, NOW))).toBe('keyroll-too-early')
    world.pass(1)
    await activateRoll(world.tx, ACME, NOW)
    expect(states(world)).toEqual(['current'])
    expect(await rejection(activateRoll(world.tx, ACME, NOW))).toBe('keyroll-none')
  })

  it('re-issues every product by the new key under its name, and the parent revokes the old one', async () => {
    const world = await staged()
    const before = products(world)
    const [old, next] = classOf(world).keys
    const certificate = entryOf(world, `${old?.ski}.cer`)
    const subUri = classOf(world, 'sub').keys[0]?.certificate?.uri
    world.pass(DAY)
    await activateRoll(world.tx, ACME, NOW)
    expect(products(world)).toEqual(before)
    expect(new Set(issuersOf(world))).toEqual(new Set([next?.ski]))
    expect(classOf(world).keys.map(({ ski }) => ski)).toEqual([next?.ski])
    expect(classOf(world)).not.toHaveProperty('roll')
    expect(names(world).filter((name) => name.startsWith(old?.ski ?? '?'))).toEqual([])
    const crl = decodeCrl(world.tx.work.object(world.ta().point.crl?.sha256 ?? expect.fail('no CRL'))).content
    const revoked = crl?.revoked.map(({ serial }) => serial.toString(16).toUpperCase())
    expect(revoked).toContain(certificate.serial)
    expect(Object.keys(world.ta().children['acme']?.issued ?? {})).toEqual([next?.ski])
    expect(world.ca('acme').retired).toEqual({ [old?.ski ?? '']: world.now() })
    // the child has the certificate of the new key under the same URI; below it nothing changed
    const sub = classOf(world, 'sub').keys[0]
    expect(sub?.certificate?.uri).toBe(subUri)
    expect(names(world)).toContain(`${sub?.ski}.cer`)
    expect(sub?.certificate?.sha256).toBe(
      publishedFiles(world.ca('acme')).find((f) => f.name === `0/${sub?.ski}.cer`)?.sha256,
    )
    const again = [ACME, SUB].map((handle) => runCa(world.tx, handle, { type: 'republish', force: false }))
    expect((await Promise.all(again)).flat()).toEqual([])
  })

  it('by tick comes at its time, which is the next thing due', async () => {
    const world = await staged(2 * 3600)
    expect(dueTimes(world.ca('acme'), world.tx.ports.timing)?.due).toBe(
      new Date(Date.parse(world.now()) + 2 * 3600_000).toISOString().replace('.000', ''),
    )
    world.pass(2 * 3600 - 1)
    expect(await activateDue(world.tx, ACME)).toEqual([])
    world.pass(1)
    expect(await activateDue(world.tx, ACME)).toEqual(['0'])
    expect(states(world)).toEqual(['current'])
    expect(await activateDue(world.tx, ACME)).toEqual([])
  })

  it('of a compromised key is immediate, and of a staged one by an override', async () => {
    const world = await acme()
    const old = classOf(world).keys[0]?.ski
    await startRoll(world.tx, ACME, { ...PLAN, compromised: true })
    expect(states(world)).toEqual(['current'])
    expect(classOf(world).keys[0]?.ski).not.toBe(old)
    expect(Object.keys(world.ca('acme').retired ?? {})).toEqual([old])
    await startRoll(world.tx, ACME, PLAN)
    await activateRoll(world.tx, ACME, { ...NOW, now: true })
    await startRoll(world.tx, ACME, PLAN)
    await activateRoll(world.tx, ACME, { ...NOW, compromised: true })
    expect(Object.keys(world.ca('acme').retired ?? {})).toHaveLength(3)
  })

  it('is refused where the new certificate lacks resources, unless the old key is compromised', async () => {
    const world = await staged()
    const next = classOf(world).keys[1] ?? expect.fail('no key')
    const certificate = next.certificate ?? expect.fail('no certificate')
    await runCa(world.tx, ACME, {
      type: 'certificate.receive',
      className: '0',
      ski: next.ski,
      certificate: {
        ...certificate,
        resources: toResourceText(parseResources('10.0.0.0/8, AS64496')),
        sha256: 'a'.repeat(64) as never,
      },
    })
    world.pass(DAY)
    expect(
      await rejection(
        runCa(world.tx, ACME, { type: 'keyroll.activate', className: null, at: null, compromised: false }),
      ),
    ).toBe('keyroll-resources')
    await runCa(world.tx, ACME, { type: 'keyroll.activate', className: null, at: null, compromised: true })
    expect(states(world)).toEqual(['old', 'current'])
  })
})

describe('an old key that its parent has not revoked', () => {
  async function unanswered(): Promise<World> {
    const world = await staged()
    world.pass(DAY)
    await runCa(world.tx, ACME, { type: 'keyroll.activate', className: null, at: world.now(), compromised: false })
    return world
  }

  it('publishes manifest and CRL alone, and the CRL revokes all that it issued', async () => {
    const world = await unanswered()
    const old = classOf(world).keys[0]
    expect(states(world)).toEqual(['old', 'current'])
    expect(old?.point.objects).toEqual({})
    expect(names(world).filter((name) => name.startsWith(old?.ski ?? '?'))).toHaveLength(2)
    expect(old?.point.revoked.length).toBeGreaterThanOrEqual(2)
    expect(openRequests(world.ca('acme'), TA_HANDLE)).toEqual([{ kind: 'revoke', class: '0', ski: old?.ski }])
    expect(new Set(issuersOf(world))).toEqual(new Set([classOf(world).keys[1]?.ski]))
  })

  it('keeps its manifest fresh, and another roll from starting, but not one of a compromised key', async () => {
    const world = await unanswered()
    world.pass(20 * 3600)
    const events = await runCa(world.tx, ACME, { type: 'republish', force: false })
    expect(events.map((e) => e.type)).toEqual(['point.issued', 'point.issued'])
    const start = (compromised: boolean) => runCa(world.tx, ACME, { type: 'keyroll.init', ...PLAN, compromised })
    expect(await rejection(start(false))).toBe('keyroll-open')
    await start(true)
    expect(states(world)).toEqual(['old', 'current', 'pending'])
  })

  it('whose private half is lost withdraws what it publishes, once', async () => {
    const world = await staged()
    const old = classOf(world).keys[0]?.ski ?? expect.fail('no key')
    await world.tx.ports.signer.destroyKey(old)
    const events = await runCa(world.tx, ACME, { type: 'keyroll.activate', ...NOW, at: null })
    expect(events.map(({ type }) => type)).toEqual(['keyroll.activated', 'point.withdrawn', 'point.issued'])
    expect(names(world).filter((name) => name.startsWith(old))).toEqual([])
    expect(products(world)).toHaveLength(2)
    expect(await runCa(world.tx, ACME, { type: 'republish', force: false })).toEqual([])
    await syncResources(world.tx, ACME)
    expect(states(world)).toEqual(['current'])
  })

  it('goes with the answer, whatever happened to its certificate', async () => {
    const world = await unanswered()
    await syncResources(world.tx, ACME)
    expect(states(world)).toEqual(['current'])
    await runCa(world.tx, ACME, { type: 'keys.destroy', skis: Object.keys(world.ca('acme').retired ?? {}) as never })
    expect(world.ca('acme')).not.toHaveProperty('retired')
  })
})

describe('a certificate with another URI', () => {
  it('leads to products that name it', async () => {
    const world = await acme()
    const { ski, certificate } = classOf(world).keys[0] ?? expect.fail('no key')
    const moved = {
      ...(certificate ?? expect.fail('none')),
      uri: 'rsync://other.example/r/x.cer',
      sha256: 'b'.repeat(64) as never,
    }
    await runCa(world.tx, ACME, { type: 'certificate.receive', className: '0', ski, certificate: moved })
    const product = publishedFiles(world.ca('acme')).find(({ name }) => name.endsWith('.cer'))
    const bytes = world.tx.work.object(product?.sha256 ?? expect.fail('no certificate of a child'))
    expect(new X509Certificate(bytes).infoAccess).toContain('rsync://other.example/r/x.cer')
  })
})

describe('the revocation of a key of a child', () => {
  it('is refused for a child or key that has no certificate', async () => {
    const world = await acme()
    const ski = classOf(world).keys[0]?.ski ?? expect.fail('no key')
    const revoke = (child: string) => runCa(world.tx, ACME, { type: 'child.revoke', child: parseHandle(child), ski })
    expect(await rejection(revoke('nobody'))).toBe('child-unknown')
    expect(await rejection(revoke('sub'))).toBe('child-key-unknown')
    expect(await rejection(runTa(world.tx, TA_HANDLE, { type: 'child.revoke', child: SUB, ski }))).toBe('child-unknown')
  })
})

function entryOf(world: World, name: string) {
  return world.ta().point.objects[name] ?? expect.fail(`${name} is not published`)
}
