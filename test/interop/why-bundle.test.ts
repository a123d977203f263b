/** The bundle of `brine why`, verified by the commands of its own README with OpenSSL, which shares no code with us. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../support/sites/desired-state.js'
import { type Sandbox, sandbox } from '../support/sites/operator-box.js'
import { verifyProof } from '../support/sites/proof.js'

const VRP = '192.0.2.0/24 => 64496'

let box: Sandbox
let at: string
beforeAll(async () => {
  box = await sandbox()
  await ok(box.dataDir, ['roa', 'add', 'acme', VRP])
  await ok(box.dataDir, ['why', VRP, '--bundle', join(box.path, 'proof')])
  at = (await ok(box.dataDir, ['why', VRP, '--json'])).json<{ story: { at: string }[] }>().story[0]?.at ?? ''
})
afterAll(() => box.remove())

describe('the bundle of why', () => {
  it('verifies by OpenSSL up to the trust anchor, and shows the prefix', () => {
    expect(readdirSync(join(box.path, 'proof')).sort()).toEqual(
      ['README.txt', 'SHA256SUMS', 'certificates', 'crls', 'manifests', 'object', 'ta.tal', 'why.json'].sort(),
    )
    expect(verifyProof(join(box.path, 'proof'))).toMatch(/INTEGER\s*:FBF0[\s\S]*BIT STRING/)
  })

  it('does not verify with a byte changed, or with the CRL of another issuer', () => {
    const flip = (folder: string, name: string): void => {
      const bytes = readFileSync(join(folder, name))
      bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
      writeFileSync(join(folder, name), bytes)
      const sums = execFileSync('sh', ['-c', 'find . -type f ! -name SHA256SUMS | xargs sha256sum'], { cwd: folder })
      writeFileSync(join(folder, 'SHA256SUMS'), sums)
    }
    const [roa = ''] = readdirSync(join(box.path, 'proof', 'object'))
    for (const name of [`object/${roa}`, 'certificates/1.cer', 'crls/2.crl', 'manifests/2.mft'])
      expect(() => verifyProof(join(box.path, 'proof'), (folder) => flip(folder, name)), name).toThrow()
    expect(() =>
      verifyProof(join(box.path, 'proof'), (f) => cpSync(join(f, 'crls/1.crl'), join(f, 'crls/2.crl'))),
    ).toThrow()
  })

  it('is a tar file that tar reads, of an earlier time too, and no proof of what was revoked', async () => {
    await ok(box.dataDir, ['roa', 'remove', 'acme', VRP, '--max-removals', '1'])
    await ok(box.dataDir, ['why', VRP, '--at', at, '--bundle', join(box.path, 'past.tar')])
    const past = join(box.path, 'past')
    mkdirSync(past)
    execFileSync('tar', ['-xf', join(box.path, 'past.tar'), '-C', past])
    expect(verifyProof(past)).toContain('BIT STRING')
    await ok(box.dataDir, ['why', '192.0.2.0/24 => 64496', '--at', at, '--bundle', join(box.path, 'again')])
    // the present CRL of the CA revokes the certificate of the ROA
    await ok(box.dataDir, ['roa', 'add', 'acme', VRP])
    await ok(box.dataDir, ['why', VRP, '--bundle', join(box.path, 'new')])
    const swap = (folder: string): void => {
      cpSync(join(box.path, 'new/crls/2.crl'), join(folder, 'crls/2.crl'))
      const sums = execFileSync('sh', ['-c', 'find . -type f ! -name SHA256SUMS | xargs sha256sum'], { cwd: folder })
      writeFileSync(join(folder, 'SHA256SUMS'), sums)
    }
    expect(() => verifyProof(past, swap)).toThrow()
  })
})
