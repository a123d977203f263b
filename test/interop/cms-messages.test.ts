/** Messages in CMS: those that other implementations signed are read here, and ours by OpenSSL. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, type TestContext, test } from 'vitest'
import { inspectFiles } from '../../src/core/app/operations/inspect.js'
import { addSeconds, epochOf, type Instant } from '../../src/core/base/time.js'
import { describeMessage } from '../../src/core/protocols/cms/describe.js'
import { readIdCertificate } from '../../src/core/protocols/cms/id-certificate.js'
import type { IdCertificate } from '../../src/core/protocols/cms/types.js'
import { verifyMessage } from '../../src/core/protocols/cms/verify.js'
import { twoParties } from '../support/peers/parties.js'
import { peerDataDir, skipOrFail } from '../support/peers/validators.js'
import { scratchFolder } from '../support/sites/testbed.js'

const ISC = 'rpki-commons/isc-interop-updown'
const KRILL = 'rpki-commons/krill-up-down'

const ALICE = `${ISC}/issuer-alice-child-bob-parent.xml`
const BOB = `${ISC}/bob-child-id.xml`
const CAROL = `${ISC}/carol-child-id.xml`
/** The parent of Alice, and both sides of the test with RIPE: their ID certificates are not among the data. */
const UNKNOWN = undefined

/** Each message with the file of its sender's ID certificate and its signing time. */
const MESSAGES: Readonly<Record<string, readonly [id: string | undefined, at: string]>> = {
  [`${ISC}/pdu.170.der`]: [ALICE, '2011-07-01T04:09:01Z'],
  [`${ISC}/pdu.171.der`]: [UNKNOWN, '2011-07-01T04:09:01Z'],
  [`${ISC}/pdu.172.der`]: [ALICE, '2011-07-01T04:09:02Z'],
  [`${ISC}/pdu.173.der`]: [UNKNOWN, '2011-07-01T04:09:02Z'],
  [`${ISC}/pdu.180.der`]: [BOB, '2011-07-01T04:09:02Z'],
  [`${ISC}/pdu.183.der`]: [ALICE, '2011-07-01T04:09:02Z'],
  [`${ISC}/pdu.184.der`]: [BOB, '2011-07-01T04:09:04Z'],
  [`${ISC}/pdu.189.der`]: [ALICE, '2011-07-01T04:09:04Z'],
  [`${ISC}/pdu.196.der`]: [CAROL, '2011-07-01T04:09:05Z'],
  [`${ISC}/pdu.199.der`]: [BOB, '2011-07-01T04:09:05Z'],
  [`${ISC}/pdu.200.der`]: [CAROL, '2011-07-01T04:09:05Z'],
  [`${ISC}/pdu.205.der`]: [BOB, '2011-07-01T04:09:06Z'],
  [`${ISC}/dtag-inbound-2.der`]: [UNKNOWN, '2012-05-09T18:45:56Z'],
  [`${ISC}/dtag-inbound-10.der`]: [UNKNOWN, '2012-05-09T18:47:56Z'],
  [`${ISC}/dtag-outbound-1.der`]: [UNKNOWN, '2012-05-09T18:45:54Z'],
  [`${ISC}/dtag-outbound-9.der`]: [UNKNOWN, '2012-05-09T18:47:54Z'],
  'rpki-rs/rfc6492/list.der': [ALICE, '2011-07-01T04:09:01Z'],
  'rpki-rs/rfc6492/issue.der': [ALICE, '2011-07-01T04:09:02Z'],
  'rpki-rs/rfc6492/issue-response.der': [UNKNOWN, '2011-07-01T04:09:02Z'],
  'rfc6492/rpkid-rfc6492-list.der': [ALICE, '2011-07-01T04:09:01Z'],
  'rfc6492/rpkid-rfc6492-list_response.der': [UNKNOWN, '2011-07-01T04:09:01Z'],
  'rfc6492/apnic-list-response.der': ['rfc6492/apnic-id.der', '2019-07-26T14:24:17Z'],
  [`${KRILL}/krill-ca1-list-pdu.der`]: [`${KRILL}/krill-ca1-id-cert.der`, '2022-01-11T12:44:46Z'],
}

function needData(context: TestContext): void {
  if (!existsSync(peerDataDir)) skipOrFail(context, [`${peerDataDir} (BRINE_PEER_DATA)`])
}

/** Returns the octets of a file; some have base64 in spite of their names. */
function read(file: string): Uint8Array {
  const bytes = readFileSync(join(peerDataDir, file))
  return bytes[0] === 0x30 ? bytes : Buffer.from(bytes.toString('latin1'), 'base64')
}

/** Returns the ID certificate in a file, or in an XML file of RFC 8183. */
function idIn(file: string): IdCertificate {
  if (!file.endsWith('.xml')) return readIdCertificate(read(file))
  const text = readFileSync(join(peerDataDir, file), 'utf8')
  const [, base64 = ''] = /_bpki_ta>([^<]*)</.exec(text) ?? []
  return readIdCertificate(Buffer.from(base64, 'base64'))
}

describe('messages of other implementations', () => {
  test('are all listed here', (context) => {
    needData(context)
    const folders = [ISC, KRILL, 'rpki-rs/rfc6492', 'rfc6492']
    const found = folders.flatMap((folder) => readdirSync(join(peerDataDir, folder)).map((file) => `${folder}/${file}`))
    const messages = found.filter((file) => file.endsWith('.der') && !/-id(-cert)?\.der$/.test(file))
    expect(messages.sort()).toEqual(Object.keys(MESSAGES).sort())
  })

  test.for(Object.entries(MESSAGES))('%s', ([file, [idFile, at]], context) => {
    needData(context)
    const isStale = basename(file).startsWith('dtag-outbound')
    const described = describeMessage({ cms: read(file), acceptStaleCrl: isStale })
    expect(described.signingTime).toBe(at)
    expect(Buffer.from(described.content ?? []).toString()).toMatch(/<(\w+:)?message /)
    expect(described.findings.filter(({ tolerated }) => tolerated !== true)).toEqual([])
    if (idFile === undefined) return
    const input = { cms: read(file), id: idIn(idFile) }
    const { content, signingTime, remarks } = verifyMessage({ ...input, at: at as Instant })
    expect({ content, signingTime, remarks }).toEqual({ content: described.content, signingTime: at, remarks: [] })
    expect(() => verifyMessage({ ...input, at: addSeconds(at as Instant, 50 * 365 * 86_400) })).toThrow('is valid from')
  })

  test('of Krill is refused with the ID certificate of another CA', (context) => {
    needData(context)
    const [at] = MESSAGES[`${KRILL}/krill-ca1-list-pdu.der`]?.slice(1) ?? []
    const input = { cms: read(`${KRILL}/krill-ca1-list-pdu.der`), id: idIn(`${KRILL}/krill-ca2-id-cert.der`) }
    expect(() => verifyMessage({ ...input, at: at as Instant })).toThrow('is not signed by the ID key')
  })

  test('of RIPE in BER are read, and those with a CRL of the month before only by permission', (context) => {
    needData(context)
    const ripe = describeMessage({ cms: read(`${ISC}/dtag-inbound-2.der`) })
    expect(ripe.findings.map(({ message }) => message)[0]).toBe(
      'the encoding is not DER in 9 places: indefinite length at octet 0',
    )
    const stale = describeMessage({ cms: read(`${ISC}/dtag-outbound-1.der`) })
    expect(stale.findings.map(({ message }) => message)[0]).toContain('the CRL was valid until 2012-04-27T21:38:05Z')
  })
})

describe('brine inspect', () => {
  const FOLDERS = [ISC, KRILL, 'rpki-rs/rfc6492', 'rpki-rs/rfc8181', 'rpki-rs/rfc8183', 'rfc6492', 'rfc8181', 'rfc8183']

  test('shows every message and file of other implementations in words', async (context) => {
    needData(context)
    const files = [...FOLDERS, 'rpki.net/up-down-protocol-samples'].flatMap((folder) =>
      readdirSync(join(peerDataDir, folder)).map((file) => join(peerDataDir, folder, file)),
    )
    const messages = files.filter((file) => /\.(?:der|xml)$/.test(file))
    const { files: reports } = await inspectFiles(messages)
    expect(reports.length).toBeGreaterThan(60)
    const unread = reports.filter(({ fields }) => !/"summary":|"selfSigned":/.test(JSON.stringify(fields)))
    // base64 that is not, and an answer to `issue` with three certificates
    expect(unread.map(({ file }) => basename(file)).sort()).toEqual([
      'child_request_invalid_base64.xml',
      'issue_response.xml',
    ])
    for (const { file, faults } of unread) expect(faults[0]?.rule, file).toMatch(/^RFC (8183|6492) section /)
  })

  test('verifies each with the file of its sender, and none with that of another', async (context) => {
    needData(context)
    for (const [file, [idFile]] of Object.entries(MESSAGES)) {
      if (idFile === undefined) continue
      const state = async (peer: string): Promise<string> =>
        JSON.stringify(
          (await inspectFiles([join(peerDataDir, file)], { peers: [join(peerDataDir, peer)] })).files[0]?.fields,
        )
      expect(await state(idFile), file).toContain('"state":"verified by ')
      expect(await state(`${KRILL}/krill-ca2-id-cert.der`), file).toContain('"state":"not accepted from ')
    }
  })
})

/** ID certificates in RFC 8183 XML and in DER: subject key, and whether it is self-signed. */
const ID_CERTIFICATES: Readonly<Record<string, readonly [ski: string, isSelfSigned: boolean]>> = {
  'rfc8183/apnic-parent-response.xml': ['195BF4AFD0C579C03E54524C7A703CF9315A536F', false],
  'rfc8183/apnic-repository-response.xml': ['195BF4AFD0C579C03E54524C7A703CF9315A536F', false],
  'rfc8183/apnic-child_request.xml': ['74A7A6264C4B3800B49A7AC87E23766D57B7C575', true],
  'rfc8183/child_request_compact.xml': ['AF1D0F517334E9EE30F8FD9CBFEB2BB6882E421E', true],
  'rpki-rs/rfc8183/krill-0-9-parent-response.xml': ['0DB84F7E16E32E741B466A321A64261888D49187', true],
  'rpki-rs/rfc8183/rpkid-parent-response-referral.xml': ['4F21B734D788593FF2687DB6C3FD117ED4C84BDB', true],
  [ALICE]: ['23B68BC760E673527A3A32C16363229D2597F734', true],
  [BOB]: ['E445382DC63E360A9FB575FC12470E66785BB27E', true],
  [CAROL]: ['EB032BBC6FC88BD2B0296A4E20516687C8D8DC09', true],
  'rfc6492/apnic-id.der': ['885EAE564D0688E03DA3D51209CDC3390494F506', true],
  [`${KRILL}/krill-ca2-id-cert.der`]: ['C7D7CCBDBC4A9675174E90F8E7C89DFB12AFAC03', true],
}

test('ID certificates of other implementations are read', (context) => {
  needData(context)
  for (const [file, [ski, isSelfSigned]] of Object.entries(ID_CERTIFICATES))
    expect(idIn(file), file).toMatchObject({ ski, isSelfSigned })
})

describe('a message of ours', () => {
  const scratch = scratchFolder('cms')
  afterAll(scratch.remove)
  const at = '2026-06-01T12:00:00Z' as Instant
  const openssl = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { cwd: scratch.dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  test('is accepted by OpenSSL, with its chain and its CRL', async () => {
    const { child, parent } = await twoParties()
    writeFileSync(join(scratch.dir, 'message.der'), await child.say('<message/>', at))
    for (const [name, { certificate }] of Object.entries({ child, parent })) {
      writeFileSync(join(scratch.dir, `${name}.der`), certificate.der)
      openssl('x509', '-inform', 'DER', '-in', `${name}.der`, '-out', `${name}.pem`)
    }
    const verify = ['cms', '-verify', '-inform', 'DER', '-in', 'message.der', '-out', 'content.xml']
    const strict = ['-purpose', 'any', '-crl_check', '-attime', String(epochOf(at))]
    openssl(...verify, '-noverify')
    openssl(...verify, ...strict, '-CAfile', 'child.pem')
    expect(readFileSync(join(scratch.dir, 'content.xml'), 'utf8')).toBe('<message/>')
    expect(() => openssl(...verify, ...strict, '-CAfile', 'parent.pem')).toThrow('unable to get local issuer')
  })
})
