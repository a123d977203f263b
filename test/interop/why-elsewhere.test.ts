/** `brine why` in a directory whose parent and repository are elsewhere, over nginx; its proof by OpenSSL. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { needProgram } from '../support/processes/missing.js'
import { verifyProof } from '../support/sites/proof.js'
import { scratchFolder } from '../support/sites/testbed.js'
import { ThreeDirectories } from '../support/sites/three-directories.js'

const VRP = '10.64.0.0/24 => 64499'
const scratch = scratchFolder('why-elsewhere')
let site: ThreeDirectories | undefined
afterAll(async () => {
  await site?.server.stop()
  scratch.remove()
})

interface Why {
  readonly answer: { readonly code: string; readonly hint: string | null }
  readonly chain: readonly { readonly holder: string; readonly issuer: string | null }[]
  readonly chainEnd: string | null
  readonly published: object | null
}

test('ends at the topmost certificate, and says what is not confirmed', { timeout: 180_000 }, async (context) => {
  site = await ThreeDirectories.make(scratch.dir, needProgram(context, 'nginx'))
  await site.tick()
  await site.run('bottom', 'roa', 'add', 'four', VRP, '--no-sync')
  const early = await site.run<Why>('bottom', 'why', VRP)
  expect(early).toMatchObject({ answer: { code: 'unconfirmed', hint: 'brine repo sync four' }, published: null })
  await site.run('bottom', 'repo', 'sync', 'four')
  const proof = join(scratch.dir, 'proof')
  const said = await site.run<Why>('bottom', 'why', VRP, '--bundle', proof)
  expect(said).toMatchObject({ answer: { code: 'published' }, chainEnd: 'parent' })
  expect(said.chain.map(({ holder }) => holder)).toEqual(['ca/four'])
  expect(verifyProof(proof)).toMatch(/BIT STRING/)
  const other = (folder: string): void => {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=x',
        '-outform',
        'DER',
        '-keyout',
        '/dev/null',
        '-out',
        join(folder, 'certificates/0.cer'),
      ],
      { stdio: 'pipe' },
    )
    writeFileSync(
      join(folder, 'SHA256SUMS'),
      execFileSync('sh', ['-c', 'find . -type f ! -name SHA256SUMS | xargs sha256sum'], { cwd: folder }),
    )
  }
  expect(() => verifyProof(proof, other)).toThrow()
})
