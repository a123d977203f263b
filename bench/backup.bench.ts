/** `backup create` in MB/s, compared with tar through gzip, zstd and age on the same directory in the same run, and its peak memory. */

import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { sha256Hex } from '../src/core/crypto/digest.js'
import { newFolder } from './support/folder.js'
import { brine, median, say } from './support/run.js'

/** Size of the data directory, before compression. */
const MEGABYTES = Number(process.env['BENCH_MB'] ?? 50)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
/** Returns content like that of a ROA: one half repeats in every ROA, the other (keys, signatures) is random. */
const OBJECT = 1900

function fill(data: string): void {
  const common = randomBytes(OBJECT)
  for (let n = 0; n < (MEGABYTES * 1_000_000) / OBJECT; n++) {
    const bytes = Buffer.from(common)
    randomBytes(OBJECT / 2).copy(bytes, 300)
    const name = sha256Hex(bytes)
    mkdirSync(join(data, 'objects', name.slice(0, 2)), { recursive: true, mode: 0o700 })
    writeFileSync(join(data, 'objects', name.slice(0, 2), name), bytes, { mode: 0o644 })
  }
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined
}

function row(name: string, milliseconds: readonly number[], file: string, peak: number): void {
  const speed = (MEGABYTES * 1000) / median(milliseconds)
  const memory = peak === 0 ? '' : `, peak ${peak.toFixed(0)} MiB`
  say(`${name.padEnd(34)} ${speed.toFixed(1).padStart(7)} MB/s  ${(statSync(file).size / 1e6).toFixed(1)} MB${memory}`)
}

const folder = newFolder()
const data = join(folder, 'data')
try {
  await brine(data, 'testbed', 'init')
  fill(data)
  const identity = await generateIdentity()
  const recipient = await identityToRecipient(identity)
  writeFileSync(join(folder, 'identity'), identity, { mode: 0o600 })
  const programs: [name: string, shell: string][] = [['tar | gzip', 'tar c . | gzip -4']]
  if (has('zstd')) programs.push(['tar | zstd', 'tar c . | zstd -q'])
  if (has('age')) {
    programs.push(['tar | gzip | age', `tar c . | gzip -4 | age -r ${recipient}`])
    if (has('zstd')) programs.push(['tar | zstd | age', `tar c . | zstd -q | age -r ${recipient}`])
  } else say('age is not installed: what it takes is not in the numbers beside')
  const out = join(folder, 'out')
  const kinds: [name: string, flags: readonly string[]][] = [
    ['brine backup create --recipient', ['--recipient', recipient]],
    ['brine backup create --plain', ['--plain']],
    ['brine backup create gzip', ['--recipient', recipient, '--compress', 'gzip']],
  ]
  const times = new Map<string, number[]>()
  const note = (name: string, ms: number): void => void times.set(name, [...(times.get(name) ?? []), ms])
  let peaks = new Map<string, number>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, flags] of kinds) {
      const file = join(folder, name.replaceAll(' ', '-'))
      rmSync(file, { force: true })
      const { wall, peak } = await brine(data, 'backup', 'create', file, ...flags)
      note(name, wall)
      peaks = peaks.set(name, Math.max(peak, peaks.get(name) ?? 0))
    }
    for (const [name, shell] of programs) {
      const started = performance.now()
      execFileSync('sh', ['-c', `${shell} > '${out}-${name.replaceAll(' ', '')}'`], { cwd: data })
      note(name, performance.now() - started)
    }
  }
  for (const [name] of kinds)
    row(name, times.get(name) ?? [], join(folder, name.replaceAll(' ', '-')), peaks.get(name) ?? 0)
  for (const [name] of programs) row(name, times.get(name) ?? [], `${out}-${name.replaceAll(' ', '')}`, 0)
  const sealed = join(folder, 'brine-backup-create---recipient')
  const verified = await brine(
    data,
    'backup',
    'verify',
    sealed,
    '--identity',
    join(folder, 'identity'),
    '--scratch',
    folder,
  )
  say(`backup verify: ${((MEGABYTES * 1000) / verified.wall).toFixed(1)} MB/s, peak ${verified.peak.toFixed(0)} MiB`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
