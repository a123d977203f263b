/** `brine inspect`: what it says of valid, damaged and unknown files, without a data directory. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { twoParties } from '../../support/peers/parties.js'
import { runBrine } from '../../support/processes/cli.js'
import { NOW, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Inspected {
  readonly ok: boolean
  readonly files: readonly { readonly type: string; readonly accepted: boolean; readonly fields: object }[]
}

/** After all commands of the sandbox: each of them moves its clock by a second. */
const AT = NOW.replace('12:00', '12:10')

const inspect = (...args: readonly string[]) => runBrine(['inspect', ...args, '--at', AT])
const anchor = (): string => join(box.dataDir, 'repo', 'ta', 'ta.cer')

it('shows a TAL and a certificate, as text and as JSON', async () => {
  const text = await inspect(anchor())
  expect([text.code, text.stderr]).toEqual([0, ''])
  expect(text.stdout).toMatch(/^ +ipv4 +0\.0\.0\.0\/0$/m)
  const json = await inspect(anchor().replace('.cer', '.tal'), anchor(), '--json')
  expect(json.code).toBe(0)
  const { ok, files } = json.json<Inspected>()
  expect([ok, files.map((file) => `${file.type} ${file.accepted}`)]).toEqual([true, ['tal true', 'certificate true']])
})

it('accepts every published object', async () => {
  const current = join(box.dataDir, 'repo', 'rsync', 'current')
  const objects = readdirSync(current, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  expect(objects.length).toBeGreaterThan(6)
  const { ok, files } = (await inspect(...objects, '--json')).json<Inspected>()
  expect([ok, files.length]).toEqual([true, objects.length])
})

it('exit 1 for a damaged object and for a file of another kind, with what is wrong', async () => {
  const bytes = readFileSync(anchor())
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  const damaged = join(box.path, 'damaged.cer')
  writeFileSync(damaged, bytes)
  for (const path of [damaged, join(box.dataDir, 'brine.json')]) {
    const ran = await inspect(path, '--json')
    const { ok, files } = ran.json<Inspected>()
    expect([ran.code, ok, files.map((file) => file.accepted)], path).toEqual([1, false, [false]])
    const text = await inspect(path)
    expect([text.code, text.stdout], path).toEqual([1, expect.stringContaining(`${path}: `)])
  }
})

it('exit 2 for a file that does not exist', async () => {
  const ran = await inspect(join(box.path, 'none.cer'), '--json')
  expect([ran.code, ran.json<{ error: { code: string } }>().error.code]).toEqual([2, 'file-unreadable'])
})

it('checks files against each other, and separates faults from remarks', async () => {
  const current = join(box.dataDir, 'repo', 'rsync', 'current')
  const paths = readdirSync(current, { recursive: true, encoding: 'utf8' }).map((file) => join(current, file))
  const lists = paths.filter((path) => path.endsWith('.crl'))
  const manifests = paths.filter((path) => path.endsWith('.mft'))
  const renamed = join(box.path, 'renamed.mft')
  writeFileSync(renamed, readFileSync(manifests[0] ?? ''))
  const untidy = await inspect(renamed)
  expect([untidy.code, untidy.stdout]).toEqual([0, expect.stringContaining('valid but untidy: 1 remark')])
  expect((await inspect(renamed, '--strict')).code).toBe(1)

  const together = await inspect(...lists, ...manifests)
  expect([together.code, together.stdout]).toEqual([0, expect.stringContaining('checked against manifest ')])
  const other = paths.filter((path) => path.endsWith('.cer')).at(0) ?? ''
  const bytes = readFileSync(other)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  const forged = join(box.path, 'forged.cer')
  writeFileSync(forged, bytes)
  expect((await inspect(forged)).code).toBe(0)
  const judged = await inspect(forged, anchor())
  expect([judged.code, judged.stdout]).toEqual([
    1,
    expect.stringContaining(`does not verify under the key of ${anchor()}`),
  ])
})

it('reads what peers exchange, verified with --peer or not, and its exit codes tell a fault from a remark', async () => {
  const { parent, child } = await twoParties()
  const at = '2026-06-01T12:00:00Z' as Instant
  const list =
    '<message xmlns="http://www.apnic.net/specs/rescerts/up-down/" version="1" sender="acme" recipient="ripe" type="list"/>'
  const put = (name: string, content: string | Uint8Array): string => {
    const path = join(box.path, name)
    writeFileSync(path, content)
    return path
  }
  const message = put('20260601T120000Z-0000a1b2c3d4e5f6-parent-acme-ripe-sent-9.cms', await child.say(list, at))
  const base64 = put('message.txt', readFileSync(message).toString('base64'))
  const id = { kind: 'child_request', childHandle: parseHandle('acme'), id: child.certificate.der } as const
  const request = put('request.xml', encodeSetup(id))
  const other = put('other.cer', parent.certificate.der)
  const run = (...args: readonly string[]) => runBrine(['inspect', ...args])

  const alone = await run(message)
  expect([alone.code, alone.stderr]).toEqual([0, ''])
  expect(alone.stdout).toContain('RFC 6492 message')
  expect(alone.stdout).toContain('"acme" asks "ripe" for its resource classes')
  expect(alone.stdout).toContain('verified by the certificate in the message only, not by a known peer')
  const known = await run(message, '--peer', other, '--peer', request)
  expect([known.code, known.stdout]).toEqual([0, expect.stringContaining(`verified by ${request}`)])
  const wrong = await run(message, '--peer', other, '--json')
  expect([wrong.code, wrong.json<Inspected>().ok]).toEqual([1, false])
  const late = await run(message, '--at', '2026-06-02T00:00:00Z')
  expect([late.code, late.stdout]).toEqual([1, expect.stringContaining('RFC 6492 section 3.1.2')])

  const untidy = await run(base64)
  expect([untidy.code, untidy.stdout]).toEqual([
    0,
    expect.stringContaining('valid but untidy: 1 remark, accepted by servers'),
  ])
  expect((await run(base64, '--strict')).code).toBe(1)
  const mixed = await run(anchor(), request, '--at', AT, '--json')
  expect(mixed.json<Inspected>().files.map(({ type }) => type)).toEqual(['certificate', 'rfc8183'])
  const peer = await run(message, '--peer', message, '--json')
  expect([peer.code, peer.json<{ error: { code: string } }>().error.code]).toEqual([2, 'peer-file-invalid'])
})
