/** The same request of a child, sent by several processes at once and by ones that are killed: one certificate, whatever was answered. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { signCertificationRequest } from '../../../src/core/rpki/certification-request.js'
import { type Party, partyOf } from '../../support/peers/parties.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('provisioning')
const dir = join(scratch.dir, 'data')
afterAll(() => scratch.remove())

/** Sends a message as a web server does; with `killAfter` the program is killed after so many milliseconds. Returns the status that it answers. */
function send(body: Uint8Array, killAfter?: number): Promise<string> {
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: dir, REQUEST_METHOD: 'POST' },
    ...{ PATH_INFO: '/rfc6492/testbed', CONTENT_TYPE: 'application/rpki-updown', CONTENT_LENGTH: String(body.length) },
  }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], { env })
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.stdin.on('error', () => undefined)
    child.stdin.end(body)
    if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter)
    child.on('close', () => resolve(/^Status: (\d+)/.exec(Buffer.concat(parts).toString('latin1'))?.[1] ?? 'none'))
  })
}

async function issueRequest(child: Party, key: Party): Promise<string> {
  const place = 'rsync://kid.example/repo/kid/0/'
  const sia = { kind: 'ca' as const, caRepository: place, manifest: `${place}${key.id.ski}.mft` }
  const csr = await signCertificationRequest({ ski: key.id.ski, spki: key.id.spki, sia }, key.id.sign)
  expect(child.id.ski).not.toBe(key.id.ski)
  return encodeProvisioning({
    ...{ sender: 'kid', recipient: 'testbed' },
    body: { type: 'issue', className: '0', limit: {}, csr },
  })
}

test('one request is one certificate', async () => {
  await newTestbed(dir)
  const [child, key] = await Promise.all([partyOf(38), partyOf(39)])
  const request = join(scratch.dir, 'request.xml')
  writeFileSync(
    request,
    encodeSetup({ kind: 'child_request', childHandle: parseHandle('kid'), id: child.certificate.der }),
  )
  await brineOk(dir, [
    ...['child', 'add', 'testbed', 'kid', '--request', request, '--service-uri', 'https://rpki.example/'],
    ...['--resources', '10.0.0.0/8'],
  ])
  const xml = await issueRequest(child, key)
  const message = () => child.say(xml, new Date().toISOString().replace(/\.\d+/, '') as never)
  for (const after of [200, 300, 380, 460, 540]) await send(await message(), after)
  const same = await message()
  const answers = await Promise.all([send(same), send(same), send(await message()), send(await message())])
  expect(answers).toEqual(['200', '200', '200', '200'])
  const { certificates } = await brineOk<{ certificates: readonly unknown[] }>(dir, [
    ...['child', 'show', 'testbed', 'kid', '--json'],
  ])
  expect(certificates).toHaveLength(1)
  const { commands } = await brineOk<{ commands: readonly { type: string; result: string }[] }>(dir, [
    ...['history', 'list', 'ca/testbed', '--json'],
  ])
  const certified = commands.filter(({ type, result }) => type === 'child.certify' && result === 'accepted')
  expect(certified).toHaveLength(1)
  await brineOk(dir, ['tick'])
  await brineOk(dir, ['audit', 'verify', '--full'])
}, 120_000)
