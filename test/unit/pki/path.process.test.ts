/** Paths of client certificates, made by OpenSSL: which are valid, and what is reported of the others. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { findPath } from '../../../src/core/pki/path.js'
import { crlsOf, isCrlOf, type PlainCrl, readCrl } from '../../../src/core/pki/read-crl.js'
import { OpensslBox } from '../../support/peers/requests.js'

const box = new OpensslBox()
afterAll(() => box.remove())

const NOW = addSeconds(new Date().toISOString().replace(/\.\d+/, '') as Instant, 60)
const CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'

interface Made {
  readonly certificate: PlainCertificate
  readonly cert: string
  readonly key: string
}

function read(cert: string): PlainCertificate {
  const certificate = readPlainCertificate(certificatesOf(readFileSync(cert))[0] ?? new Uint8Array())
  if (certificate === undefined) throw new Error('no certificate')
  return certificate
}

let made = 0
/** A certificate of `by`; self-signed without. */
function make(subject: string, extensions: string, by?: Made, days = 300): Made {
  made += 1
  const [key, csr, cert] = [box.path(box.key()), `${made}.csr`, box.path(`${made}.pem`)]
  box.run('req', '-new', '-key', key, '-subj', subject, '-out', csr)
  writeFileSync(box.path('path.ext'), extensions)
  const signing = by === undefined ? ['-signkey', key] : ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial']
  box.run('x509', '-req', '-in', csr, ...signing, '-extfile', 'path.ext', '-days', String(days), '-out', cert)
  return { certificate: read(cert), cert, key }
}
const FOR_CLIENTS = 'extendedKeyUsage=clientAuth\n'

const root = make('/O=Example/CN=root', CA)
const sub = make('/O=Example/CN=sub', CA, root)
const low = make('/O=Example/CN=low', CA, sub)
const device = make('/CN=device', FOR_CLIENTS, low)

function fault(leaf: Made, anchors: readonly Made[], intermediates: readonly Made[] = [], now = NOW): string {
  const trust = {
    anchors: anchors.map((one) => one.certificate),
    intermediates: intermediates.map((one) => one.certificate),
  }
  const { path, fault: found } = findPath(leaf.certificate, trust, now, 'clientAuth')
  return found ?? path.map(({ subject }) => subject.text).join(' < ')
}

describe('a path', () => {
  it('leads to a CA that is trusted, over those that are known, in any order', () => {
    const whole = 'CN=device < O=Example,CN=low < O=Example,CN=sub < O=Example,CN=root'
    expect(fault(device, [root], [sub, low])).toBe(whole)
    expect(fault(device, [root], [low, sub, low])).toBe(whole)
    expect(fault(device, [low])).toBe('CN=device < O=Example,CN=low')
    expect(fault(device, [sub], [low, root])).toBe('CN=device < O=Example,CN=low < O=Example,CN=sub')
  })

  it('needs every link, and a CA that is trusted at its end', () => {
    const none = 'no CA that is trusted here issued CN=device'
    expect(fault(device, [root], [sub])).toBe(none)
    expect(fault(device, [root], [low])).toBe(none)
    expect(fault(device, [], [root, sub, low])).toBe(none)
    expect(fault(device, [device])).toBe(none)
  })

  it('does not lead to another key of the same name', () => {
    const twin = make('/O=Example/CN=low', CA, sub)
    expect(fault(device, [twin])).toContain('no CA that is trusted here')
    expect(fault(device, [root], [sub, twin, low])).toContain('CN=root')
  })

  it('leads over a CA that writes its name with another string type and case (RFC 5280 section 7.1)', () => {
    box.run('req', '-new', '-key', root.key, '-subj', '/O=example/CN=ROOT', '-out', 'renamed.csr')
    writeFileSync(box.path('path.ext'), CA)
    const by = ['-signkey', root.key, '-extfile', 'path.ext']
    box.run('x509', '-req', '-in', 'renamed.csr', ...by, '-days', '300', '-out', 'renamed.pem')
    const renamed = { ...root, certificate: read(box.path('renamed.pem')) }
    expect(fault(sub, [renamed])).toBe('O=Example,CN=sub < O=example,CN=ROOT')
  })

  it.each<[string, () => Made, RegExp]>([
    [
      'is no CA',
      () => make('/CN=x', FOR_CLIENTS, make('/CN=no ca', 'basicConstraints=critical,CA:FALSE\n', root)),
      /CN=no ca is not a CA/,
    ],
    [
      'has no constraints at all',
      () => make('/CN=x', FOR_CLIENTS, make('/CN=plain', 'subjectKeyIdentifier=hash\n', root)),
      /CN=plain is not a CA/,
    ],
    [
      'may sign only CRLs',
      () =>
        make(
          '/CN=x',
          FOR_CLIENTS,
          make('/CN=crl only', 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n', root),
        ),
      /may not sign certificates/,
    ],
    [
      'is for servers',
      () => make('/CN=x', FOR_CLIENTS, make('/CN=servers', `${CA}extendedKeyUsage=serverAuth\n`, root)),
      /CN=servers is not for client/,
    ],
    ['has expired', () => make('/CN=x', FOR_CLIENTS, make('/CN=old', CA, root, -1)), /CN=old is valid from/],
    [
      'has name constraints',
      () =>
        make(
          '/CN=x',
          FOR_CLIENTS,
          make('/CN=limited', `${CA}nameConstraints=critical,permitted;DNS:example.net\n`, root),
        ),
      /critical extension 2\.5\.29\.30/,
    ],
  ])('has no CA that %s', (_, leaf, expected) => {
    const one = leaf()
    const ca = { certificate: read(box.path(`${made - 1}.pem`)), cert: '', key: '' }
    expect(fault(one, [root], [ca])).toMatch(expected)
    // a CA that is trusted by itself keeps its limits
    expect(fault(one, [ca])).toMatch(expected)
  })

  it('is no longer than a CA allows', () => {
    const short = make('/CN=short', 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n', root)
    const below = make('/CN=below', CA, short)
    expect(fault(make('/CN=x', FOR_CLIENTS, short), [root], [short])).toContain('CN=root')
    expect(fault(make('/CN=x', FOR_CLIENTS, below), [root], [short, below])).toBe(
      'CN=short allows 0 CAs below itself (pathLenConstraint), the path has 1',
    )
  })

  it('begins with a certificate that is valid and for clients', () => {
    expect(fault(make('/CN=x', 'extendedKeyUsage=serverAuth\n', root), [root])).toContain(
      'not for client authentication',
    )
    expect(fault(make('/CN=x', 'extendedKeyUsage=serverAuth,clientAuth\n', root), [root])).toContain('CN=root')
    expect(fault(make('/CN=x', 'keyUsage=digitalSignature\n', root), [root])).toContain('CN=root')
    expect(fault(make('/CN=x', '1.2.3.4=critical,DER:0500\n', root), [root])).toContain('critical extension 1.2.3.4')
    expect(fault(make('/CN=x', FOR_CLIENTS, root, -1), [root])).toContain('is valid from')
    expect(fault(device, [low], [], '2019-01-01T00:00:00Z' as Instant)).toContain('is valid from')
  })

  it('ends, also where CAs have certified each other', () => {
    const [a, b] = [make('/CN=a', CA), make('/CN=b', CA)]
    const cross = (of: Made, by: Made, name: string): Made => {
      box.run('req', '-new', '-key', of.key, '-subj', `/CN=${name}`, '-out', 'cross.csr')
      writeFileSync(box.path('path.ext'), CA)
      const file = `cross-${name}.pem`
      box.run(
        'x509',
        '-req',
        '-in',
        'cross.csr',
        '-CA',
        by.cert,
        '-CAkey',
        by.key,
        '-CAcreateserial',
        '-extfile',
        'path.ext',
        '-days',
        '9',
        '-out',
        file,
      )
      return { ...of, certificate: read(box.path(file)) }
    }
    const leaf = make('/CN=x', FOR_CLIENTS, a)
    expect(fault(leaf, [root], [a, b, cross(a, b, 'a'), cross(b, a, 'b')])).toContain('no CA that is trusted here')
  })
})

describe('a CRL', () => {
  const list = (by: Made, extensions: string, ...revoked: readonly Made[]): PlainCrl | undefined => {
    const entries = revoked.map(
      ({ certificate: { serial } }) =>
        `R\t391231235959Z\t260101000000Z,keyCompromise\t${serial.padStart(serial.length + (serial.length % 2), '0').toUpperCase()}\tunknown\t/CN=x\n`,
    )
    writeFileSync(box.path('index.txt'), entries.join(''))
    writeFileSync(box.path('number'), '01\n')
    writeFileSync(
      box.path('ca.cnf'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\n${extensions === '' ? '' : 'crl_extensions=e\n'}[e]\n${extensions}\n`,
    )
    box.run(
      'ca',
      '-config',
      'ca.cnf',
      '-gencrl',
      '-crldays',
      '3',
      '-cert',
      by.cert,
      '-keyfile',
      by.key,
      '-out',
      'list.crl',
    )
    return readCrl(crlsOf(readFileSync(box.path('list.crl')))[0] ?? new Uint8Array())
  }

  it('names what its CA has revoked', () => {
    const crl = list(low, '', device)
    if (crl === undefined) throw new Error('no CRL')
    expect([...crl.revoked]).toEqual([[device.certificate.serial, '2026-01-01T00:00:00Z']])
    expect([crl.unsupported, crl.nextUpdate > NOW]).toEqual([undefined, true])
    expect([isCrlOf(crl, low.certificate), isCrlOf(crl, sub.certificate)]).toEqual([true, false])
    expect(isCrlOf(crl, make('/O=Example/CN=low', CA, sub).certificate)).toBe(false)
    expect(isCrlOf(crl, { ...low.certificate, keyUsages: ['keyCertSign'] })).toBe(false)
    expect(list(low, '')?.revoked.size).toBe(0)
  })

  it.each([
    ['of some certificates', 'issuingDistributionPoint=critical,@i\n[i]\nonlyCA=TRUE', 'covers only some'],
    ['of several CAs', 'issuingDistributionPoint=critical,@i\n[i]\nindirectCRL=TRUE', 'covers only some'],
    ['that is a delta', '2.5.29.27=critical,DER:020101', 'delta'],
    ['with an unknown extension', '1.2.3.4=critical,DER:0500', '1.2.3.4'],
  ])('%s is not relied on', (_, extensions, expected) => {
    expect(list(low, extensions)?.unsupported).toContain(expected)
  })

  it('of all end entities is relied on', () => {
    expect(
      list(low, 'issuingDistributionPoint=critical,@i\n[i]\nonlyuser=TRUE\nfullname=URI:http://a.example/a.crl'),
    ).toMatchObject({ unsupported: undefined })
  })

  it('is no other file', () => {
    expect([readCrl(Uint8Array.of(0x30, 0)), readCrl(device.certificate.der)]).toEqual([undefined, undefined])
  })
})
