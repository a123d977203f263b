/** `npm run demo` does the main job in a directory of its own, shows it, and fails when anything does. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { validators } from '../../support/peers/validators.js'
import { projectDir, type Ran, runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'
import { missing } from '../../support/processes/missing.js'

const VRPS = ['AS64496,192.0.2.0/24,24', 'AS64496,198.51.100.0/24,26', 'AS64496,2001:db8::/32,48']

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let folder = ''
let first: Ran

function runDemo(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const env = shimmedEnv(folder, more)
  return runProgram(process.execPath, [join(projectDir, 'bin', 'demo.mjs'), ...args], { cwd: folder, env })
}

/** A stand-in that answers what it is told, as `rpki-client -j` would. */
function fakeValidator(vrps: readonly string[], failedroas: number): string {
  const roas = vrps.map((line) => {
    const [asn, prefix, maxLength] = line.split(',')
    return { asn: Number(asn?.slice(2)), prefix, maxLength: Number(maxLength) }
  })
  const path = join(folder, `fake-${failedroas}-${vrps.length}`)
  const json = JSON.stringify({ metadata: { roas: roas.length, failedroas }, roas })
  writeFileSync(path, `#!/bin/sh\nfor out in "$@"; do :; done\ncat > "$out/json" <<'END'\n${json}\nEND\n`, {
    mode: 0o755,
  })
  return path
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-demo-test-'))
  chmodSync(folder, 0o755)
  writeShim(folder)
  first = await runDemo([], { BRINE_NOW: '2020-01-01T00:00:00Z', BRINE_DATA_DIR: join(folder, 'elsewhere') })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the first run', () => {
  test('succeeds, in ./demo-data, whatever the caller has set for an installation', () => {
    expect(first).toMatchObject({ status: 0, stderr: '' })
    expect(readdirSync(folder).sort()).toEqual(['bin', 'demo-data'])
    expect(first.stdout).toContain(`New data directory: ${join(folder, 'demo-data')}\n`)
  })

  test('shows the commands, the tree of CAs, the VRPs and the way to a validator', () => {
    for (const text of [
      '$ brine testbed init\n',
      "$ brine roa add acme '192.0.2.0/24 => 64496 # office'",
      '  └─ testbed  all resources\n     └─ acme  AS64496, 192.0.2.0/24, 198.51.100.0/24, 2001:db8::/32\n',
      '        └─ ROA 2001:db8::/32-48 => AS64496\n',
      '│ AS64496 │ 2001:db8::/32   │ 48         │ acme │\n',
      `TAL    ${join(folder, 'demo-data', 'repo', 'ta', 'ta.tal')}\n`,
      'rsync/current/ served as rsync://localhost/repo/\n',
      'rrdp/ served as https://localhost/rrdp/\n',
    ])
      expect(first.stdout).toContain(text)
  })

  test('says what rpki-client sees, or that there is none', (context) => {
    if (validators().rpkiClient === undefined) {
      expect(first.stdout).toContain('rpki-client is not installed')
      missing(context, 'rpki-client (RPKI_CLIENT)')
    }
    expect(first.stdout).toContain(`${VRPS.map((vrp) => `  ${vrp}\n`).join('')}rpki-client accepts the repository`)
  })

  test('prints validator commands that work as they stand', async (context) => {
    const rpkiClient = validators().rpkiClient ?? missing(context, 'rpki-client (RPKI_CLIENT)')
    const block = /Without any server:\n\n((?: {2}.*\n)+)/.exec(first.stdout)?.[1] ?? ''
    const env = shimmedEnv(folder, { BRINE_DATA_DIR: join(folder, 'demo-data') })
    symlinkSync(rpkiClient, join(folder, 'bin', 'rpki-client'))
    const script = `set -e\n${block}\nrm -rf "$d"`
    const { status, stdout, stderr } = await runProgram('sh', ['-c', script], { cwd: folder, env })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const vrp of VRPS) expect(stdout).toContain(`"prefix": "${vrp.split(',')[1]}"`)
  })

  test('prints commands to go on with that work as they stand', async () => {
    const setup = /For your shell:\n\n((?: {2}.*\n)+)/.exec(first.stdout)?.[1] ?? ''
    const commands = /What to type next:\n\n((?: {2}.*\n)+)/.exec(first.stdout)?.[1] ?? ''
    // An alias counts in the lines after it, and only where the shell is told so.
    const script = `shopt -s expand_aliases\nset -e\n${setup}\n${commands.replaceAll(/ {3,}\S.*$/gm, '')}`
    const { status, stdout, stderr } = await runProgram('bash', ['-c', script], { cwd: folder })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('acme: +1 ROA; dry run, nothing changed\n')
  })
})

describe('runs after it', () => {
  test('take a new numbered directory and leave the one before alone', async () => {
    const before = readdirSync(join(folder, 'demo-data', 'commits'))
    const { status, stdout } = await runDemo([], { RPKI_CLIENT: join(folder, 'none') })
    expect(status).toBe(0)
    expect(stdout).toContain(join(folder, 'demo-data-2'))
    expect(stdout).toContain('rpki-client is not installed')
    expect(readdirSync(join(folder, 'demo-data', 'commits'))).toEqual(before)
  })

  test('fail, and leave it alone, in a directory that holds something', async () => {
    const foreign = join(folder, 'foreign')
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'letter.txt'), 'mine')
    const { status, stderr } = await runDemo([foreign])
    expect(status).toBe(1)
    expect(stderr).toContain('demo:')
    expect(readdirSync(foreign)).toEqual(['letter.txt'])
    expect(readFileSync(join(foreign, 'letter.txt'), 'utf8')).toBe('mine')
  })

  test('fail when the validator rejects an object and sees other VRPs', async () => {
    const { status, stderr } = await runDemo([join(folder, 'other')], { RPKI_CLIENT: fakeValidator(VRPS.slice(1), 1) })
    expect(status).toBe(1)
    expect(stderr).toContain('failedroas = 1')
    expect(stderr).toContain('rpki-client does not see the VRPs')
  })
})
