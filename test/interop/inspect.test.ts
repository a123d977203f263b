/** `inspect` against rpki-client itself: every defect of the matrix is judged alike, refused by both or by neither. */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { epochOf } from '../../src/core/base/time.js'
import { inspectObject } from '../../src/core/rpki/inspect/inspect.js'
import { skipOrFail, skipUnlessValidators } from '../support/peers/validators.js'
import { GOOD, MATRIX } from '../support/rpki/defect-matrix.js'
import { NOW, TA, TA_URI } from '../support/rpki/parts.js'

/** What inspect refuses and rpki-client 9.7 alone lets pass, with the reason. Nothing stands in the other direction. */
const STRICTER: ReadonlyMap<string, string> = new Map([
  ['child:ipPadding', 'X.690 section 11.2.1; in a ROA rpki-client refuses it too'],
  ['roa:siVersion1', 'FORT refuses it'],
  ['roa:sdVersion1', 'FORT refuses it'],
  ['roa:extraCert', 'FORT refuses it'],
  ['childmft:mftSelf', 'a whole run refuses it: no file can hold its own hash'],
])

const run = promisify(execFile)

async function put(root: string, path: string, bytes: Uint8Array | string): Promise<void> {
  const file = join(root, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
}

/** Verdicts of `rpki-client -f` on files, in their order. */
async function verdicts(program: string, root: string, cache: string, files: readonly string[]): Promise<boolean[]> {
  const args = ['-P', String(epochOf(NOW)), '-d', join(root, cache), '-t', join(root, 'ta.tal'), '-f', ...files]
  const { stdout } = await run(program, args, { maxBuffer: 1 << 26 }).catch((error: { stdout: string }) => error)
  return [...stdout.matchAll(/^Validation: +(.*)$/gm)].map((match) => match[1] === 'OK')
}

it('judges every defect as rpki-client does', async (context) => {
  const { rpkiClient } = skipUnlessValidators(context)
  if (rpkiClient === undefined) return skipOrFail(context, ['rpki-client (RPKI_CLIENT)'])
  const root = await mkdtemp(join(tmpdir(), 'brine-inspect-'))
  try {
    await chmod(root, 0o755)
    for (const { path, bytes } of GOOD) await put(root, join('cache', path), bytes())
    await put(root, 'cache/ta/ta/ta.cer', GOOD[0]!.bytes())
    await put(root, 'ta.tal', `${TA_URI}\n\n${Buffer.from(TA.spki).toString('base64')}\n`)
    const plain = [...GOOD, ...MATRIX].filter(({ path }) => !path.endsWith('.crl'))
    const theirs = new Map<string, boolean>()
    const files = await Promise.all(
      plain.map(async ({ path, bytes }, i) => {
        await put(root, `cases/${i}/${path}`, bytes())
        return join(root, `cases/${i}/${path}`)
      }),
    )
    const answers = await verdicts(rpkiClient, root, 'cache', files)
    expect(answers).toHaveLength(plain.length)
    plain.forEach(({ id }, i) => {
      theirs.set(id, answers[i] === true)
    })
    // a CRL has no verdict of its own: a ROA is checked against it
    const roa = join(root, 'cache', GOOD.find(({ id }) => id === 'roa')!.path)
    for (const { id, path, bytes } of MATRIX.filter((c) => c.path.endsWith('.crl'))) {
      await rm(join(root, 'crl'), { recursive: true, force: true })
      await cp(join(root, 'cache'), join(root, 'crl'), { recursive: true })
      await put(root, join('crl', path), bytes())
      theirs.set(id, (await verdicts(rpkiClient, root, 'crl', [roa]))[0] === true)
    }
    const wrong: string[] = []
    for (const { id, path, bytes } of MATRIX) {
      const { accepted } = await inspectObject(path, bytes(), NOW)
      const isDifferent = accepted !== theirs.get(id)
      if (isDifferent !== STRICTER.has(id)) wrong.push(`${id}: inspect ${accepted ? 'accepts' : 'refuses'} it`)
      if (isDifferent && accepted) wrong.push(`${id}: inspect is laxer`)
    }
    expect(wrong).toEqual([])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
