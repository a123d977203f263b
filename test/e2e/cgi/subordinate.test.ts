/** EST behind nginx and behind Apache where CAs are subordinate to a root, for clients of every kind; the PKI is made with OpenSSL. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { OpensslBox } from '../../support/peers/requests.js'
import { findProgram } from '../../support/peers/validators.js'
import { brine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import type { Pair } from '../../support/sites/enrol-site.js'
import { EstServer, type HttpAnswer } from './est-server.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'brine-est-'))
chmodSync(folder, 0o711)
const dataDir = join(folder, 'data')
const box = new OpensslBox()
let server: EstServer | undefined

const CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
const FOR_CLIENTS = 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n'

/** A certificate of `by` and its key; `faked` are words before openssl, such as a faketime of the past. */
function make(name: string, extensions: string, by: Pair, days = 300, faked: readonly string[] = []): Pair {
  const key = box.path(box.key())
  box.run('req', '-new', '-key', key, '-subj', `/O=Example/CN=${name}`, '-out', `${name}.csr`)
  writeFileSync(box.path('made.ext'), extensions)
  const signing = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-extfile', 'made.ext', '-days', String(days)]
  const [program = 'openssl', ...words] = [...faked, 'openssl', 'x509', '-req', '-in', `${name}.csr`, ...signing]
  const pem = execFileSync(program, words, { cwd: box.dir, stdio: ['ignore', 'pipe', 'pipe'] })
  writeFileSync(box.path(`${name}.pem`), pem)
  return { cert: box.path(`${name}.pem`), key }
}

const [root, vendorRoot] = [box.ca('root'), box.ca('vendor-root')]
/** The CA that issues: its file has only its own certificate. */
const issuing = make('issuing', CA, root)
const [vendor, fleet] = [make('vendor', CA, vendorRoot), make('fleet', CA, root)]

beforeAll(async () => {
  chmodSync(issuing.key, 0o600)
  await brine(['init'], { dataDir })
  // the operator of this label knows its root; the CA between is in the chain of the group's CA
  const auth = 'auth = ["certificate", "password"]'
  writeFileSync(box.path('fleets.pem'), Buffer.concat([fleet, root].map(({ cert }) => readFileSync(cert))))
  writeFileSync(
    join(dataDir, 'brine.toml'),
    [
      `[[ca]]\nid = "one"\nbackend = "file"\n[ca.file]\nca_cert = "${issuing.cert}"\nca_key = "${issuing.key}"\n`,
      `[[est.label]]\nname = "device"\nca_id = "one"\n${auth}\nclient_ca = "${root.cert}"\n`,
      `[[est.label]]\nname = "fleet"\nca_id = "one"\n${auth}\nclient_ca = "${box.path('fleets.pem')}"\nclient_crl = "${box.path('fleet.crl')}"\n`,
      '[[est.label]]\nname = "server"\nca_id = "one"\nprofile = "serverCert"\nauth = "password"\n',
    ].join(''),
  )
})

afterAll(async () => {
  await server?.stop()
  box.remove()
  rmSync(folder, { recursive: true, force: true })
})

const ask = (path: string, ...args: readonly string[]): Promise<HttpAnswer> => {
  if (server === undefined) throw new Error('no server')
  return server.ask(`/.well-known/est/${path}`, args)
}
const shown = ({ cert, key }: Pair): readonly string[] => ['--cert', cert, '--key', key]

/** The arguments that send a new request, and its key. */
function request(name: string, ...more: readonly string[]): { readonly args: readonly string[]; readonly key: string } {
  const key = box.path(box.key())
  box.run('req', '-new', '-key', key, '-subj', `/CN=${name}`, ...more, '-outform', 'DER', '-out', 'new.der')
  box.run('base64', '-in', 'new.der', '-out', `${name}.b64`)
  return { args: ['-H', 'Content-Type: application/pkcs10', '--data-binary', `@${box.path(`${name}.b64`)}`], key }
}

/** Enrols with a one-time password. */
async function enrolled(label: string, name: string, ...more: readonly string[]): Promise<Pair> {
  const secret = (await brine(['est', 'otp', 'create', label], { dataDir })).stdout.trim()
  const { args, key } = request(name, ...more)
  const answer = await ask(`${label}/simpleenroll`, '-u', secret, ...args)
  expect(answer.status).toBe(200)
  writeFileSync(box.path(`${name}.p7`), answer.body)
  box.run('base64', '-d', '-in', `${name}.p7`, '-out', `${name}.p7der`)
  box.run('pkcs7', '-inform', 'DER', '-in', `${name}.p7der`, '-print_certs', '-out', `${name}-own.pem`)
  return { cert: box.path(`${name}-own.pem`), key }
}

/** A certificate that its own key signed. */
function selfSigned(name: string): Pair {
  const key = box.path(box.key())
  box.run(
    'req',
    '-x509',
    '-new',
    '-key',
    key,
    '-subj',
    `/CN=${name}`,
    '-addext',
    'basicConstraints=CA:FALSE',
    '-out',
    `${name}.pem`,
  )
  return { cert: box.path(`${name}.pem`), key }
}

/** A CRL of the fleet's CA; every certificate of it that is named is revoked. */
function revoke(...certs: readonly string[]): void {
  const entries = certs.map((cert) => {
    const serial = box.run('x509', '-in', cert, '-noout', '-serial').toString().trim().replace('serial=', '')
    return `R\t391231235959Z\t260101000000Z\t${serial}\tunknown\t/CN=x\n`
  })
  writeFileSync(box.path('index.txt'), entries.join(''))
  writeFileSync(box.path('fleet.cnf'), '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\n')
  const by = ['-cert', fleet.cert, '-keyfile', fleet.key]
  box.run('ca', '-config', 'fleet.cnf', '-gencrl', '-crldays', '3', ...by, '-out', 'fleet.crl')
}

const programs = { nginx: ['nginx'], apache: ['apache2', 'httpd'] } as const

describe.each(['nginx', 'apache'] as const)('behind %s', (front) => {
  const isNginx = front === 'nginx'
  let started = false
  const test = (title: string, work: () => Promise<void>): void => {
    it(title, async (context) => {
      const curl = needProgram(context, 'curl')
      const program =
        programs[front].map(findProgram).find((one) => one !== undefined) ?? context.skip(`missing: ${front}`)
      if (!started) {
        await server?.stop()
        server = await EstServer.start({ front: program, curl }, folder)
        started = true
      }
      await work()
    })
  }

  test('a certificate of a CA below a root is renewed, alone or sent with its chain', async () => {
    const own = await enrolled('device', `device-${front}`)
    const next = request(`device-${front}`).args
    expect((await ask('device/simplereenroll', ...shown(own), ...next)).status).toBe(200)
    writeFileSync(box.path('chain.pem'), Buffer.concat([own, issuing, root].map(({ cert }) => readFileSync(cert))))
    const chained = shown({ cert: box.path('chain.pem'), key: own.key })
    expect((await ask('device/simplereenroll', ...chained, ...next)).status).toBe(200)
  })

  test(`a certificate for servers ${isNginx ? 'is renewed' : 'ends the handshake, as the file says'}`, async () => {
    const own = await enrolled(
      'server',
      `www-${front}.example.net`,
      '-addext',
      `subjectAltName=DNS:www-${front}.example.net`,
    )
    const next = request(`www-${front}.example.net`, '-addext', `subjectAltName=DNS:www-${front}.example.net`).args
    const answer = ask('server/simplereenroll', ...shown(own), ...next)
    if (isNginx) expect((await answer).status).toBe(200)
    else await expect(answer).rejects.toThrow('unsupported certificate')
  })

  test('a client of the root that the label names enrols, over a CA of the group', async () => {
    const laptop = make(`laptop-${front}`, FOR_CLIENTS, issuing)
    expect((await ask('device/simpleenroll', ...shown(laptop), ...request('laptop').args)).status).toBe(200)
    const other = make(`other-${front}`, 'extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=keyAgreement\n', issuing)
    expect((await ask('device/simpleenroll', ...shown(other), ...request('laptop').args)).status).toBe(401)
    // no CA that is known here leads to the root
    const lost = make(`lost-${front}`, FOR_CLIENTS, fleet)
    expect((await ask('device/simpleenroll', ...shown(lost), ...request('laptop').args)).status).toBe(401)
  })

  test('a client with a certificate from elsewhere gets cacerts, and enrols with a password alone', async () => {
    const [idevid, self] = [make(`idevid-${front}`, FOR_CLIENTS, vendor, 30_000), selfSigned(`self-${front}`)]
    for (const foreign of [idevid, self]) {
      expect((await ask('device/cacerts', ...shown(foreign))).status).toBe(200)
      const { args } = request(`idevid-${front}`)
      expect((await ask('device/simpleenroll', ...shown(foreign), ...args)).status).toBe(401)
      expect((await ask('device/simplereenroll', ...shown(foreign), ...args)).status).toBe(403)
      const secret = (await brine(['est', 'otp', 'create', 'device'], { dataDir })).stdout.trim()
      expect((await ask('device/simpleenroll', ...shown(foreign), '-u', secret, ...args)).status).toBe(200)
    }
  })

  test('a certificate that a CRL of the label names is refused, and so is every one once the CRL is out of date', async () => {
    const [good, bad] = [make(`good-${front}`, FOR_CLIENTS, fleet), make(`bad-${front}`, FOR_CLIENTS, fleet)]
    revoke(bad.cert)
    const statuses = async (): Promise<readonly number[]> => [
      (await ask('fleet/simpleenroll', ...shown(good), ...request(`good-${front}`).args)).status,
      (await ask('fleet/simpleenroll', ...shown(bad), ...request(`bad-${front}`).args)).status,
    ]
    expect(await statuses()).toEqual([200, 401])
    rmSync(box.path('fleet.crl'))
    expect(await statuses()).toEqual([401, 401])
    // a certificate that was issued here is on record, and needs no CRL of its CA
    revoke()
    const own = await enrolled('fleet', `fleet-${front}`)
    expect((await ask('fleet/simplereenroll', ...shown(own), ...request(`fleet-${front}`).args)).status).toBe(200)
  })

  test('a certificate without its key ends the handshake', async () => {
    const own = make(`victim-${front}`, FOR_CLIENTS, issuing)
    const forged = { cert: own.cert, key: forgedKey(own.key) }
    for (const version of [['--tls-max', '1.2'], ['--tlsv1.3']]) {
      expect((await ask('device/cacerts', ...version, ...shown(own))).status).toBe(200)
      await expect(ask('device/cacerts', ...version, ...shown(forged))).rejects.toThrow(/decrypt error|bad signature/)
    }
  })
})

describe('a client whose certificate has expired', () => {
  it('gets cacerts behind nginx, and is refused a renewal with the reason', async (context) => {
    const [front, curl, faketime] = ['nginx', 'curl', 'faketime'].map((name) => needProgram(context, name)) as [
      string,
      string,
      string,
    ]
    await server?.stop()
    server = await EstServer.start({ front, curl }, folder)
    const expired = make('expired', FOR_CLIENTS, issuing, 30, [faketime, '-60 days'])
    expect((await ask('device/cacerts', ...shown(expired))).status).toBe(200)
    const answer = await ask('device/simplereenroll', ...shown(expired), ...request('expired').args)
    expect(answer.status).toBe(403)
    expect(server.log()).toContain('CN=expired is valid from')
    const secret = (await brine(['est', 'otp', 'create', 'device'], { dataDir })).stdout.trim()
    const enrolledAgain = await ask('device/simpleenroll', ...shown(expired), '-u', secret, ...request('expired').args)
    expect(enrolledAgain.status).toBe(200)
    expect((await ask('../../etc/passwd', '--path-as-is', ...shown(expired))).status).toBeGreaterThanOrEqual(400)
  })
})

/** A key that claims the public half of `of` with another private half: OpenSSL as a client does not notice. */
function forgedKey(of: string): string {
  const der = (key: string): Buffer => box.run('ec', '-in', key, '-outform', 'DER')
  const [own, other] = [der(of), der(box.path(box.key()))]
  // ECPrivateKey (RFC 5915) of P-256 ends with the 65 octets of the public key
  const body = Buffer.concat([other.subarray(0, -65), own.subarray(-65)]).toString('base64')
  writeFileSync(box.path('forged.pem'), `-----BEGIN EC PRIVATE KEY-----\n${body}\n-----END EC PRIVATE KEY-----\n`)
  return box.path('forged.pem')
}
