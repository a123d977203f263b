/** Faults of the server after it has verified a message: the peer gets the signed error of its protocol, and the same message is carried out later. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ProvisioningBody } from '../../../src/core/protocols/provisioning/types.js'
import { signCertificationRequest } from '../../../src/core/rpki/certification-request.js'
import { type MessageSite, messageSite, wallClock } from '../../support/peers/message-site.js'
import { partyOf } from '../../support/peers/parties.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { runBrine } from '../../support/processes/cli.js'
import { buildFaultShim } from '../../support/processes/faults.js'
import { scratchFolder } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const scratch = scratchFolder('server-faults')
let site: MessageSite
let shim: string

beforeAll(async () => {
  site = await messageSite(scratch.dir)
  shim = await buildFaultShim(scratch.dir)
})
afterAll(() => scratch.remove())

interface Answer {
  readonly status: number
  readonly body: Uint8Array
  readonly log: string
}

/** Posts a message to a `brine cgi` of its own. `isFull`: no file operation below the data directory succeeds that writes. */
async function post(path: string, body: Uint8Array, isFull = false): Promise<Answer> {
  const faults = { FAULT_ROOT: site.dir, FAULT_AT: '1', FAULT_KIND: 'ENOSPC', FAULT_FOREVER: '1' }
  const child = spawn(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], {
    stdio: 'pipe',
    env: {
      ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: site.dir, REQUEST_METHOD: 'POST', PATH_INFO: path },
      CONTENT_TYPE: path.startsWith('/rfc6492/') ? 'application/rpki-updown' : 'application/rpki-publication',
      CONTENT_LENGTH: String(body.length),
      ...(isFull ? { NODE_OPTIONS: `--require=${shim}`, ...faults } : {}),
    },
  })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.end(body)
  await new Promise((resolve) => child.once('close', resolve))
  const output = Buffer.concat(out)
  const end = output.indexOf('\r\n\r\n')
  const status = /^Status: (\d{3})/.exec(output.subarray(0, end).toString('latin1'))?.[1] ?? ''
  return {
    status: Number(status),
    body: Uint8Array.from(output.subarray(end + 4)),
    log: Buffer.concat(err).toString(),
  }
}

async function issue(): Promise<ProvisioningBody> {
  const { id } = await partyOf(37)
  const base = 'rsync://kid.example/repo/kid/0/'
  const sia = { kind: 'ca', caRepository: base, manifest: `${base}${id.ski}.mft` } as const
  const csr = await signCertificationRequest({ ski: id.ski, spki: id.spki, sia }, id.sign)
  return { type: 'issue', className: '0', limit: {}, csr }
}

test('a full disk is 2001 to a child and the cause to the operator; the same message is carried out later', async () => {
  const message = await site.ask(await issue())
  const before = site.everything()
  const failed = await post('/rfc6492/testbed', message, true)
  expect(failed.status).toBe(200)
  expect(site.provisioned(failed.body)).toMatchObject({ type: 'error_response', status: 2001 })
  expect(failed.log).toMatch(/^brine cgi: request of kid to testbed: answered with 2001: io [a-z-]+: .*ENOSPC/m)
  expect(failed.log).not.toMatch(/PRIVATE KEY|[A-Za-z0-9+/]{200}/)
  expect(site.everything()).toEqual(before)

  const done = await post('/rfc6492/testbed', message)
  expect(site.provisioned(done.body)).toMatchObject({ type: 'issue_response' })
  expect(done.log).toBe('')
  // and once more: the answer that was given
  expect(Buffer.from((await post('/rfc6492/testbed', message)).body).equals(done.body)).toBe(true)
})

test('a full disk is other_error to a publisher, and nothing is published; the same message is carried out later', async () => {
  const message = await site.pub.message(wallClock(), [site.pub.put('a.roa', 'one')])
  const before = site.everything()
  const failed = await post('/rfc8181/pub', message, true)
  expect(failed.status).toBe(200)
  expect(site.published(failed.body)).toMatchObject({ type: 'error', errors: [{ code: 'other_error' }] })
  expect(failed.log).toMatch(/^brine cgi: query of pub: answered with other_error: io [a-z-]+: .*ENOSPC/m)
  expect(site.everything()).toEqual(before)
  expect(site.published((await post('/rfc8181/pub', message)).body)).toEqual({ type: 'success' })
})

test('by hand, the operator gets the error and no answer', async () => {
  const [request, out] = [join(scratch.dir, 'request.cms'), join(scratch.dir, 'answer.cms')]
  writeFileSync(request, await site.pub.message(wallClock(), [site.pub.put('hand.roa', 'one')]))
  const env = {
    ...{ NODE_OPTIONS: `--require=${shim}`, FAULT_ROOT: site.dir, FAULT_AT: '1' },
    ...{ FAULT_KIND: 'ENOSPC', FAULT_FOREVER: '1' },
  }
  const ran = await runBrine(['answer', 'rfc8181', 'pub', '--request', request, '--out', out], {
    dataDir: site.dir,
    env,
  })
  expect([ran.code, ran.stderr]).toEqual([14, expect.stringContaining('ENOSPC')])
  expect(existsSync(out)).toBe(false)
})

test('without the ID key of the CA there is no signed answer: HTTP 5xx', async () => {
  const names = (): readonly string[] =>
    readdirSync(join(site.dir, 'keys')).filter((name) => /^[0-9A-F]{40}/.test(name))
  for (const name of names()) renameSync(join(site.dir, 'keys', name), join(scratch.dir, name))
  try {
    const failed = await post('/rfc6492/testbed', await site.ask({ type: 'list' }))
    expect(failed.status).toBeGreaterThanOrEqual(500)
    expect(failed.log).toMatch(/^brine cgi: POST "\/rfc6492\/testbed": /m)
  } finally {
    for (const name of readdirSync(scratch.dir).filter((one) => /^[0-9A-F]{40}/.test(one)))
      renameSync(join(scratch.dir, name), join(site.dir, 'keys', name))
  }
})
