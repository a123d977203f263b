/** Thirty publications in a row, a hundred with SLOW=1, before validators that keep their caches: manifests advance, deltas are used. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { listRoas, updateRoas } from '../../src/core/app/authority/roas.js'
import { republish } from '../../src/core/app/republishing/republish.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { instantOf } from '../../src/core/base/time.js'
import { runOnline, serverRoots, skipUnlessOnline } from '../support/peers/online.js'
import { isSlow } from '../support/processes/sample.js'
import { complaints, manifestsOf, readServedTree, type ServedTree } from '../support/rpki/served-tree.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../support/sites/testbed.js'

const ROUNDS = isSlow ? 10 : 3
const PER_ROUND = 10
const ACME = parseHandle('acme')
const BULK = parseHandle('bulk')

const scratch = scratchFolder('publications')
const dataDir = join(scratch.dir, 'data')
const repoDir = join(dataDir, 'repo')
const roots = join(scratch.dir, 'roots')

/** What validators say when a manifest goes back, repeats, or does not fit what it lists. */
const NEVER =
  /unexpected manifest|misissuance|issued at same|same issuance|seqnum .*(?:lower|regress)|future|stale|failed fetch|hash mismatch/i

/** A CA that stands still and is large, so that ten deltas weigh less than the snapshot: else validators rightly take that (RFC 8182 section 3.3.2). */
async function addBulk(): Promise<void> {
  await brineOk(dataDir, ['ca', 'add', BULK, '--under', 'testbed', '--resources', '2001:db8:8000::/33'])
  const roas = Array.from({ length: 1_200 }, (_, i) => `2001:db8:8000:${i.toString(16)}::/64 => ${64500 + (i % 8)}`)
  await updateRoas(await quickSession(dataDir), BULK, roaArguments({ add: roas }))
}

beforeAll(async () => {
  await newTestbed(dataDir)
  await addBulk()
  await brineOk(dataDir, ['ca', 'add', ACME, '--under', 'testbed', '--resources', '2001:db8::/33'])
  await brineOk(dataDir, ['roa', 'add', ACME, '2001:db8:7fff::/48 => 64497'])
  serverRoots(repoDir, roots)
}, 60_000)

afterAll(scratch.remove)

const now = () => instantOf(Date.now() / 1000)

/** Publication `n`: a ROA comes, goes, or everything is issued again; every tenth is a program of its own. */
async function publish(n: number): Promise<void> {
  const roa = `2001:db8:${(n >> 1).toString(16)}::/48 => 64496`
  if (n % PER_ROUND === 8) return brineOk(dataDir, ['roa', 'add', 'acme', roa]).then(() => undefined)
  const session = await quickSession(dataDir)
  if (n % PER_ROUND === 4 || n % PER_ROUND === 5) {
    const { republished } = await republish(session, { force: true, handles: [ACME] })
    expect(republished).toEqual([ACME])
  } else if (n % 2 === 0) await updateRoas(session, ACME, roaArguments({ add: [roa] }))
  else await updateRoas(session, ACME, roaArguments({ remove: [roa] }))
}

/** The manifest of `acme` has the next number and a later time than before, and none of the tree a later one than now. */
function mustAdvance(before: ServedTree, after: ServedTree): void {
  expect(complaints(after, now())).toEqual([])
  const old = manifestsOf(before)
  for (const [path, manifest] of manifestsOf(after)) {
    const last = old.get(path)
    if (last === undefined || !path.startsWith('acme/')) continue
    expect(manifest.number, path).toBe(last.number + 1n)
    expect(manifest.thisUpdate > last.thisUpdate, path).toBe(true)
  }
}

async function expectedVrps(): Promise<readonly string[]> {
  const session = await quickSession(dataDir)
  const lists = await Promise.all([BULK, ACME].map((ca) => listRoas(session, ca)))
  return lists.flatMap(({ roas }) => roas.map((roa) => `AS${roa.asn},${roa.prefix},${roa.maxLength}`))
}

async function judge(transport: 'rsync' | 'rrdp', vrps: readonly string[], cache: string): Promise<readonly string[]> {
  const tal = join(repoDir, 'ta', 'ta.tal')
  const run = await runOnline(roots, tal, scratch.dir, { transport, cache, vrps })
  expect(run.ok, run.output).toBe(true)
  expect(run.said.split('\n').filter((line) => NEVER.test(line))).toEqual([])
  return run.requests
}

test(`${ROUNDS * PER_ROUND} publications in a row reach validators that keep their caches`, async (context) => {
  skipUnlessOnline(context)
  const cache = join(scratch.dir, 'cache')
  const first = await judge('rrdp', await expectedVrps(), cache)
  expect(first.filter((r) => r.includes('snapshot.xml'))).toHaveLength(2)
  let tree = readServedTree(repoDir)
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < PER_ROUND; i++) {
      await publish(round * PER_ROUND + i)
      const next = readServedTree(repoDir)
      mustAdvance(tree, next)
      tree = next
    }
    const vrps = await expectedVrps()
    const requests = await judge('rrdp', vrps, cache)
    expect(requests.filter((r) => r.includes('snapshot.xml'))).toEqual([])
    expect(requests.filter((r) => r.endsWith('/delta.xml 200'))).toHaveLength(2 * PER_ROUND)
    if (round % 2 === 0) await judge('rsync', vrps, cache)
  }
  expect(manifestsOf(tree).size).toBe(4)
}, 600_000)

/** More than the five minutes that thisUpdate reaches back: then a publication waits for its second, and none is of the future. */
test.skipIf(!isSlow)(
  '330 publications within seconds (SLOW=1)',
  async (context) => {
    skipUnlessOnline(context)
    let tree = readServedTree(repoDir)
    for (let i = 0; i < 330; i++) {
      await republish(await quickSession(dataDir), { force: true, handles: [ACME] })
      const next = readServedTree(repoDir)
      mustAdvance(tree, next)
      tree = next
    }
    const cache = join(scratch.dir, 'another-cache')
    for (const transport of ['rrdp', 'rsync'] as const) await judge(transport, await expectedVrps(), cache)
  },
  600_000,
)
