/** What prune counts: only files that are backups of their instance and time, none that is dated after now. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PruneReport, pruneBackups } from '../../../src/core/app/backup/catalog.js'
import type { RetentionPolicy } from '../../../src/core/backup/catalog.js'
import type { Encryption } from '../../../src/core/backup/encryption.js'
import type { BackupHeader } from '../../../src/core/backup/format.js'
import { backupName, packBackup } from '../../../src/core/backup/pack.js'
import { Secret } from '../../../src/core/base/secret.js'
import type { Instant } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'

const ID = '0123abcd00112233445566778899aabb'
const NOW = '2026-06-01T00:00:00Z' as Instant
const RECIPIENT = 'age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'brine-prune-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function packed(cutAt: string, encryption: Encryption, id = ID): Promise<Buffer> {
  const header: BackupHeader = {
    ...{ format: 1, id, generation: 1, commit: 0, head: null, cutAt: cutAt as Instant, aggregates: [] },
    ...{ digest: sha256Hex(''), maxFiles: 1, maxBytes: 1000 },
  }
  const files = [{ path: 'brine.toml', bytes: Buffer.from('# empty\n'), modified: 0 }]
  const chunks: Uint8Array[] = []
  for await (const chunk of await packBackup({
    header,
    files,
    encryption,
    compression: 'gzip',
    onFile: () => undefined,
    onDone: () => undefined,
  }))
    chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Writes a backup, changed by `bend`, and returns its name. */
async function put(
  cutAt: string,
  bend: (bytes: Buffer) => Uint8Array = (b) => b,
  encryption: Encryption = { type: 'plain' },
  named = cutAt,
): Promise<string> {
  const name = backupName(ID, named as Instant, encryption.type !== 'plain', 'gzip')
  writeFileSync(join(folder, name), bend(await packed(cutAt, encryption)))
  return name
}
const prune = (keep: Partial<RetentionPolicy>, more: object = {}): Promise<PruneReport> =>
  pruneBackups(folder, { keep, now: NOW, ...more })
const names = (found: readonly { readonly file: string }[]): readonly string[] =>
  found.map(({ file }) => basename(file))
const recipients: Encryption = { type: 'recipients', recipients: [RECIPIENT] }

describe('a file that is no backup takes no slot, is named and stays', () => {
  it.each<readonly [string, (bytes: Buffer) => Uint8Array, Encryption, RegExp]>([
    ['empty', () => Buffer.alloc(0), { type: 'plain' }, /is empty/],
    ['text', () => Buffer.from('hello'.repeat(100)), { type: 'plain' }, /not compressed with gzip/],
    ['cut in its first block', (b) => b.subarray(0, 60), { type: 'plain' }, /too short/],
    ['cut at its end', (b) => b.subarray(0, -20), { type: 'plain' }, /truncated or was changed/],
    ['with a changed byte', (b) => b.fill(0xff, 300, 310), { type: 'plain' }, /./],
    ['empty and encrypted', () => Buffer.alloc(0), recipients, /is empty/],
    ['text and encrypted', () => Buffer.from('hello'.repeat(100)), recipients, /not encrypted with age/],
    ['cut in the header of age', (b) => b.subarray(0, 100), recipients, /ends in the header/],
    ['cut after the header of age', (b) => b.subarray(0, b.indexOf('\n--- ') + 60), recipients, /is truncated/],
  ])('%s', async (_, bend, encryption, why) => {
    const good = await put('2026-05-01T00:00:00Z', (b) => b, encryption)
    const bad = await put('2026-05-02T00:00:00Z', bend, encryption)
    const report = await prune({ last: 1 })
    expect([names(report.kept), names(report.removed), names(report.ignored)]).toEqual([[good], [], [bad]])
    expect(report.ignored[0]?.why).toMatch(why)
    expect(readdirSync(folder).sort()).toEqual([good, bad].sort())
  })

  it('of another time than its name, and of another instance', async () => {
    const good = await put('2026-05-01T00:00:00Z')
    const renamed = await put('2026-01-01T00:00:00Z', (b) => b, { type: 'plain' }, '2026-05-03T00:00:00Z')
    writeFileSync(
      join(folder, backupName(ID, '2026-05-04T00:00:00Z' as Instant, false, 'gzip')),
      await packed('2026-05-04T00:00:00Z', { type: 'plain' }, 'ffffffff00112233445566778899aabb'),
    )
    const report = await prune({ last: 1 })
    expect(names(report.kept)).toEqual([good])
    expect(names(report.ignored)).toContain(renamed)
    expect(report.ignored.map((i) => i.why)).toEqual([
      'is a backup of another data directory',
      'was taken at 2026-01-01T00:00:00Z, and its name says another time',
    ])
  })

  it('dated after now: the good ones keep their places', async () => {
    const future = await put('2099-01-01T00:00:00Z')
    const [a, b, c] = [
      await put('2026-05-01T00:00:00Z'),
      await put('2026-05-02T00:00:00Z'),
      await put('2026-05-03T00:00:00Z'),
    ]
    const report = await prune({ daily: 2 })
    expect([names(report.kept), names(report.removed), names(report.ignored)]).toEqual([[c, b], [a], [future]])
    expect(report.ignored[0]?.why).toBe('is dated 2099-01-01T00:00:00Z, after now')
    expect(readdirSync(folder).sort()).toEqual([b, c, future].sort())
  })
})

describe('encrypted backups', () => {
  it('are read completely where the key is given', async () => {
    // a key of age, as a passphrase costs seconds each time (archive.process.test.ts)
    const identity = await generateIdentity()
    const encryption: Encryption = { type: 'recipients', recipients: [await identityToRecipient(identity)] }
    const good = await put('2026-05-01T00:00:00Z', (b) => b, encryption)
    const bad = await put('2026-05-02T00:00:00Z', (b) => b.fill(0, b.length - 30), encryption)
    expect(names((await prune({ last: 1 }, { dryRun: true })).removed)).toEqual([good])
    const report = await prune({ last: 1 }, { keys: { identities: [new Secret(identity)] } })
    expect([names(report.kept), names(report.ignored)]).toEqual([[good], [bad]])
  })
})

it('without a rule it is refused', async () => {
  await expect(prune({})).rejects.toMatchObject({ kind: 'usage', code: 'prune-no-rule' })
})
