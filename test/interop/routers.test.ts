/** Router certificates before rpki-client: after they were added, rolled, lost with the AS, published again and removed. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyIdOf } from '../../src/core/crypto/digest.js'
import { seq } from '../../src/core/der/writer.js'
import { skipOrFail, validators } from '../support/peers/validators.js'
import { ecKey, routerRequest, spkiOfKey } from '../support/rpki/router-requests.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const NOW = '2026-11-21T00:00:00Z'
const scratch = scratchFolder('router-validators')
const dataDir = join(scratch.dir, 'data')
const [first, second, third] = [ecKey(), ecKey(), ecKey()]

beforeAll(async () => {
  await newTestbed(dataDir, NOW)
  await brineOk(
    dataDir,
    ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24, AS64496, AS64497'],
    NOW,
  )
  writeFileSync(join(scratch.dir, 'first.csr'), routerRequest(first))
  writeFileSync(join(scratch.dir, 'second.csr'), routerRequest(second))
  const unnamed = routerRequest(third, (parts) => Object.assign(parts, { subject: seq() }))
  writeFileSync(join(scratch.dir, 'third.csr'), unnamed)
}, 300_000)
afterAll(scratch.remove)

const csr = (name: string): string => join(scratch.dir, `${name}.csr`)
const keyOf = (key: typeof first): string => keyIdOf(spkiOfKey(key))

interface Judged {
  readonly metadata: { readonly failedmanifests: number }
  readonly bgpsec_keys: readonly { readonly asn: number; readonly ski: string }[]
}

/** Returns the router keys that rpki-client finds in the published tree ten minutes after `now`, as `AS SKI`. */
async function judged(client: string, now: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'brine-routers-'))
  try {
    const [cache, out, tal] = [join(folder, 'cache'), join(folder, 'out'), join(folder, 'ta.tal')]
    await brineOk(dataDir, ['pubserver', 'write', '--into', cache], now)
    mkdirSync(out)
    copyFileSync(join(dataDir, 'repo', 'ta', 'ta.tal'), tal)
    if (process.getuid?.() === 0) spawnSync('chown', ['-R', '_rpki-client', folder])
    const at = String(Date.parse(now) / 1000 + 600)
    const ran = spawnSync(client, ['-n', '-j', '-P', at, '-d', cache, '-t', tal, out], { encoding: 'utf8' })
    expect(ran.status, ran.stderr).toBe(0)
    const { metadata, bgpsec_keys } = JSON.parse(readFileSync(join(out, 'json'), 'utf8')) as Judged
    expect(metadata.failedmanifests, ran.stderr).toBe(0)
    return bgpsec_keys.map(({ asn, ski }) => `${asn} ${ski.toUpperCase()}`).sort()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const child = (verb: string) => ['child', 'update', 'testbed', 'acme', verb, 'AS64496', '--yes']
const [ONE, TWO, OTHER] = [`64496 ${keyOf(first)}`, `64496 ${keyOf(second)}`, `64497 ${keyOf(third)}`]

test('rpki-client finds the router keys at each step', async (context) => {
  const { rpkiClient } = validators()
  if (rpkiClient === undefined) return skipOrFail(context, ['rpki-client (RPKI_CLIENT)'])
  const add = (asn: string, name: string) => ['router', 'add', 'acme', '--asn', asn, '--csr', csr(name)]
  const steps: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['2026-11-21T00:00:00Z', add('64496', 'first'), [ONE]],
    ['2026-11-21T00:01:00Z', ['router', 'roll', 'acme', keyOf(first), '--csr', csr('second')], [ONE, TWO]],
    ['2026-11-21T00:02:00Z', ['keyroll', 'init', 'acme', '--compromised'], [ONE, TWO]],
    ['2026-11-21T00:03:00Z', child('--remove'), []],
    ['2026-11-21T00:04:00Z', child('--add'), [ONE, TWO]],
    ['2026-11-21T00:05:00Z', ['router', 'remove', 'acme', keyOf(second)], [ONE]],
    ['2026-11-21T00:06:00Z', add('64497', 'third'), [ONE, OTHER]],
    // renewed before it ends
    ['2027-11-01T00:00:00Z', ['tick'], [ONE, OTHER]],
  ]
  for (const [now, args, expected] of steps) {
    await brineOk(dataDir, args, now)
    expect(await judged(rpkiClient, now), args.join(' ')).toEqual([...expected].sort())
  }
}, 300_000)
