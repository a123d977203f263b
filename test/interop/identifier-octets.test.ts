/**
 * One identifier octet of a valid object replaced by another: whatever rpki-client refuses, `inspect` refuses. A sample of the mutants; all of
 * them with SLOW=1. What `inspect` alone refuses is counted and printed.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { epochOf } from '../../src/core/base/time.js'
import { inspectObject } from '../../src/core/rpki/inspect/inspect.js'
import { skipOrFail, validators } from '../support/peers/validators.js'
import { sampled } from '../support/processes/sample.js'
import { GOOD } from '../support/rpki/defect-matrix.js'
import { identifierMutants, type Mutant, SUBJECTS, type Subject } from '../support/rpki/identifier-octets.js'
import { NOW, TA, TA_URI } from '../support/rpki/parts.js'

const run = promisify(execFile)
const { rpkiClient } = validators()
/** Files that one rpki-client process reads. */
const BATCH = 250

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'brine-octets-'))
  await chmod(root, 0o755)
  for (const { path, bytes } of GOOD) await put(join(root, 'cache', path), bytes())
  await put(join(root, 'cache/ta/ta/ta.cer'), GOOD[0]?.bytes() ?? '')
  await put(join(root, 'ta.tal'), `${TA_URI}\n\n${Buffer.from(TA.spki).toString('base64')}\n`)
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function put(file: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
}

/** Returns the verdict of `rpki-client -f` on each file. It has none on a CRL: one that it can read counts as accepted. */
async function verdicts(program: string, files: readonly string[]): Promise<readonly boolean[]> {
  const accepted = new Set<string>()
  const args = ['-P', String(epochOf(NOW)), '-d', join(root, 'cache'), '-t', join(root, 'ta.tal'), '-f']
  for (let i = 0; i < files.length; i += BATCH) {
    const { stdout } = await run(program, [...args, ...files.slice(i, i + BATCH)], { maxBuffer: 1 << 28 }).catch(
      (error: { stdout: string }) => error,
    )
    for (const part of stdout.split(/^File: +/m).slice(1))
      if (/^Validation: +OK$|^CRL serial number/m.test(part)) accepted.add(part.slice(0, part.indexOf('\n')))
  }
  return files.map((file) => accepted.has(file))
}

async function judge(
  program: string,
  { path, good }: Subject,
  mutants: readonly Mutant[],
): Promise<readonly boolean[]> {
  const cases = [good, ...mutants.map(({ bytes }) => bytes())]
  const files = await Promise.all(
    cases.map(async (bytes, i) => {
      const file = join(root, `case-${i}`, path)
      await put(file, bytes)
      return file
    }),
  )
  const [isGood, ...rest] = await verdicts(program, files)
  expect(isGood, 'rpki-client accepts the object before its mutation').toBe(true)
  return rest
}

/** Judges a sample of the mutants of an object, prints the counts, and returns those that rpki-client alone refuses. */
async function laxFor(program: string, subject: Subject): Promise<readonly string[]> {
  const all = [...identifierMutants(subject.good, subject.signer)]
  const chosen = sampled(all, 120)
  const theirs = await judge(program, subject, chosen)
  const lax: string[] = []
  const count = { theirs: 0, ours: 0 }
  for (const [i, { id, bytes }] of chosen.entries()) {
    const { accepted } = await inspectObject(subject.path, bytes(), NOW)
    if (theirs[i] !== true) count.theirs += 1
    if (!accepted) count.ours += 1
    if (accepted && theirs[i] !== true) lax.push(id)
  }
  process.stdout.write(
    `${subject.id}: ${chosen.length} of ${all.length} mutants, refused by rpki-client ${count.theirs}, by inspect ${count.ours}\n`,
  )
  return lax
}

describe('each identifier octet replaced, judged by rpki-client', () => {
  for (const subject of SUBJECTS)
    it(`refuses each mutant of a ${subject.id} that it refuses`, { timeout: 600_000 }, async (context) => {
      if (rpkiClient === undefined) return skipOrFail(context, ['rpki-client (RPKI_CLIENT)'])
      expect(await laxFor(rpkiClient, subject)).toEqual([])
    })
})
