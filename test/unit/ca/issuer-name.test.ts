/** The issuer name of what a CA signs is the subject of its certificate (RFC 6487 section 4.4): the SKI below a parent in this data directory, the parent's choice elsewhere. */
import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { PointIssued } from '../../../src/core/ca/publishing.js'
import type { ReceivedCertificate } from '../../../src/core/ca/state/state.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { encode, oid, printable, seq, set } from '../../../src/core/der/writer.js'
import { spkiOf } from '../../../src/core/issuing/stored.js'
import { fromResourceText } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { signCertificate } from '../../../src/core/rpki/x509/certificate.js'
import { chosenSubject } from '../../../src/core/rpki/x509/chosen-subject.js'
import { certificateResources } from '../../../src/core/rpki/x509/encode-resources.js'
import { OID_COMMON_NAME, OID_SERIAL_NUMBER } from '../../../src/core/rpki/x509/oids.js'
import { chainOf, emptyWorld, START, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')

async function acme(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['acme', '192.0.2.0/24, AS64496'], ['sub', '192.0.2.0/25'])
  const roa = parseRoaPayload('192.0.2.0/24 => 64496')
  if (!('ok' in roa)) throw new Error('no ROA')
  await runCa(world.tx, ACME, {
    type: 'roas.update',
    add: [{ payload: roa.ok.payload, comment: null }],
    remove: [],
  })
  return world
}

const keyOf = (world: World) => world.ca('acme').classes['0']?.keys[0] ?? expect.fail('acme has no key')

/** Returns a Name of a common name and a serial number, as registries use them. */
const foreign = (name: string): string =>
  Buffer.from(
    encode(seq(set(seq(oid(OID_COMMON_NAME), printable(name))), set(seq(oid(OID_SERIAL_NUMBER), printable('42'))))),
  ).toString('base64')

/** Receives another certificate for the same key, as a parent elsewhere would issue it. */
const receive = (world: World, more: Partial<ReceivedCertificate>) => {
  const { ski, certificate } = keyOf(world)
  if (certificate === null) return expect.fail('acme has no certificate')
  const sha256 = sha256Hex(JSON.stringify(more))
  return runCa(world.tx, ACME, {
    type: 'certificate.receive',
    className: '0',
    ski,
    certificate: { ...certificate, ...more, sha256 },
  })
}

/** Returns the issuer in each object of acme, by the extension of its name. */
function issuers(world: World): Readonly<Record<string, string>> {
  const { manifest, crl, objects } = keyOf(world).point
  const bytes = (o: { readonly sha256: ReturnType<typeof sha256Hex> } | null) =>
    world.tx.work.object(o?.sha256 ?? expect.fail('nothing is published'))
  const ee = (found: Uint8Array) => decodeSignedObject(found).content?.ee.issuer ?? 'unreadable'
  const out: Record<string, string> = {
    mft: ee(bytes(manifest)),
    crl: decodeCrl(bytes(crl)).content?.issuer ?? 'unreadable',
  }
  for (const [name, object] of Object.entries(objects))
    out[name.slice(-3)] = name.endsWith('.cer')
      ? (/CN=(.*)/.exec(new X509Certificate(bytes(object)).issuer)?.[1] ?? '')
      : ee(bytes(object))
  return out
}

const all = (name: string) => ({ mft: name, crl: name, roa: name, cer: name })

describe('below a parent in this data directory', () => {
  it('is the SKI, and no event has a name', async () => {
    const world = await acme()
    const { ski, certificate } = keyOf(world)
    expect(certificate).not.toHaveProperty('subject')
    expect(issuers(world)).toEqual(all(ski))
  })
})

describe('below a parent that chose another subject', () => {
  it('is that subject, byte for byte, in all that is signed', async () => {
    const world = await acme()
    const subject = foreign('Chosen-1')
    await receive(world, { subject })
    expect(issuers(world)).toEqual(all('Chosen-1'))
    const der = Buffer.from(subject, 'base64')
    const { manifest, crl, objects } = keyOf(world).point
    for (const object of [manifest, crl, ...Object.values(objects)])
      expect(Buffer.from(world.tx.work.object(object?.sha256 ?? expect.fail('none'))).includes(der)).toBe(true)
  })

  it('stays that subject for what is signed later', async () => {
    const world = await acme()
    await receive(world, { subject: foreign('Chosen-1') })
    await runCa(world.tx, ACME, { type: 'republish', force: true })
    expect(issuers(world)).toEqual(all('Chosen-1'))
  })

  it('a new name leads to new objects, the same name does not', async () => {
    const world = await acme()
    await receive(world, { subject: foreign('Chosen-1') })
    const events = await receive(world, { subject: foreign('Chosen-2') })
    const names = (events[1] as PointIssued).issue.put.map((o) => o.name.slice(-3)).sort()
    expect(names).toEqual(['cer', 'roa'])
    expect(issuers(world)).toEqual(all('Chosen-2'))
    const again = await receive(world, { subject: foreign('Chosen-2'), notAfter: world.now() })
    expect(again.map((e) => e.type)).toEqual(['certificate.received'])
    await receive(world, { uri: 'rsync://rpki.example/repo/back.cer' })
    expect(issuers(world)).toEqual(all('Chosen-2'))
  })
})

describe('the subject of a certificate', () => {
  it('is read byte for byte, and not stored where it is the SKI; OpenSSL accepts it as the issuer', async () => {
    const world = await acme()
    const { ski, spki, certificate } = keyOf(world)
    const made = async (subject: string) =>
      signCertificate(
        {
          kind: 'ca',
          serial: 7n,
          issuer: 'Registry',
          subject,
          notBefore: START,
          notAfter: '2027-01-01T00:00:00Z' as typeof START,
          spki: spkiOf(spki),
          aki: ski,
          crl: 'rsync://h/r/a.crl',
          aia: 'rsync://h/r/a.cer',
          sia: { kind: 'ca', caRepository: 'rsync://h/r/', manifest: 'rsync://h/r/a.mft' },
          resources: certificateResources(fromResourceText(certificate?.resources ?? expect.fail('none'))),
        },
        (tbs) => world.tx.ports.signer.sign(ski, tbs),
      )
    expect(chosenSubject(await made(ski), ski)).toBeUndefined()
    expect(chosenSubject(new Uint8Array([1, 2, 3]), ski)).toBeUndefined()
    const parents = await made('Chosen-3')
    const subject = chosenSubject(parents, ski) ?? expect.fail('the same')
    expect(Buffer.from(subject, 'base64')).toEqual(
      Buffer.from(encode(seq(set(seq(oid(OID_COMMON_NAME), printable('Chosen-3')))))),
    )
    const child = () => {
      const [, object] =
        Object.entries(keyOf(world).point.objects).find(([n]) => n.endsWith('.cer')) ?? expect.fail('none')
      return new X509Certificate(world.tx.work.object(object.sha256))
    }
    expect(child().checkIssued(new X509Certificate(parents))).toBe(false)
    await receive(world, { subject })
    expect(child().checkIssued(new X509Certificate(parents))).toBe(true)
  })
})
