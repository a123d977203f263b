/** A command that changes a CA which publishes elsewhere sends the change at once, and says what the repository has confirmed. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ServedCgi, serveCgi } from '../../support/peers/served-cgi.js'
import { copyDir, type RunResult, runBrine } from '../../support/processes/cli.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('after-change')
const [serverDir, dataDir] = [join(scratch.dir, 'server'), join(scratch.dir, 'ca')]
/** The data directory without a server that answers. */
const aloneDir = join(scratch.dir, 'alone')
let served: ServedCgi

const run = (dir: string, ...args: readonly string[]): Promise<RunResult> => runBrine(args, { dataDir: dir })
const listed = async (): Promise<unknown> => {
  const { publishers } = await brineOk<{ publishers: { publisher: string; objects: number }[] }>(serverDir, [
    ...['pubserver', 'publisher', 'list'],
  ])
  return publishers.find(({ publisher }) => publisher === 'kid')?.objects
}

beforeAll(async () => {
  await Promise.all([newTestbed(serverDir), newTestbed(dataDir)])
  served = await serveCgi(serverDir)
  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  await brineOk(dataDir, ['ca', 'add', 'kid'])
  await brineOk(dataDir, ['repo', 'request', 'kid', '--out', request])
  await brineOk(serverDir, [
    ...['pubserver', 'publisher', 'add', 'kid', '--request', request, '--service-uri', served.uri, '--out', response],
  ])
  await brineOk(dataDir, ['repo', 'configure', 'kid', '--response', response, '--allow-private'])
  await brineOk(dataDir, ['child', 'add', 'testbed', 'kid', '--local', '--resources', '10.0.0.0/8, AS64496'])
}, 60_000)
afterAll(() => {
  served.stop()
  scratch.remove()
})

describe('with a repository that answers', () => {
  test('parent add publishes the first manifest', async () => {
    const report = await brineOk(dataDir, ['parent', 'add', 'kid', 'testbed', '--local'])
    expect(report).toMatchObject({ published: true, synced: ['kid'] })
    expect(report).not.toHaveProperty('unsynced')
    expect(await listed()).toBe(2)
  })

  test('roa add is confirmed: as text and as JSON', async () => {
    const text = await run(dataDir, 'roa', 'add', 'kid', '10.0.0.0/24 => 64496')
    expect([text.code, text.stderr]).toEqual([0, ''])
    expect(text.stdout).toContain('published: the repository has confirmed it')
    expect(text.stdout).not.toMatch(/pending|repo sync|next tick/)
    const report = await brineOk(dataDir, ['roa', 'add', 'kid', '10.0.1.0/24 => 64496'])
    expect(report).toMatchObject({
      ...{ published: true, synced: ['kid'], unconfirmed: false, addedRoas: [{ state: 'published' }] },
      changes: expect.arrayContaining([expect.objectContaining({ item: 'roa', after: 'published' })]),
    })
    expect(await listed()).toBe(4)
    expect(await brineOk(dataDir, ['roa', 'list', 'kid'])).toMatchObject({
      roas: [{ state: 'published' }, { state: 'published' }],
    })
  })

  test('--no-sync leaves it to tick', async () => {
    const report = await brineOk(dataDir, ['roa', 'add', 'kid', '10.0.2.0/24 => 64496', '--no-sync'])
    expect(report).toMatchObject({ published: false, unsynced: ['kid'], unconfirmed: true })
    expect(await listed()).toBe(4)
    await brineOk(dataDir, ['tick'])
    expect(await listed()).toBe(5)
  })

  test('republish sends what it has issued, and what changes nothing sends nothing', async () => {
    expect(await brineOk(dataDir, ['republish', 'kid', '--now'])).toMatchObject({ changed: 'yes', synced: ['kid'] })
    expect(await brineOk(dataDir, ['republish', 'kid'])).not.toHaveProperty('synced')
    expect(await brineOk(dataDir, ['roa', 'remove', 'kid', '10.0.2.0/24 => 64496', '--dry-run'])).not.toHaveProperty(
      'synced',
    )
    expect(await listed()).toBe(5)
  })
})

describe('with a repository that does not answer', () => {
  test('the change stands, exit 17, a warning says what was not confirmed', async () => {
    copyDir(dataDir, aloneDir)
    await brineOk(aloneDir, ['promote', '--yes', '--reason', 'test of a server that is down'])
    served.stop()
    const { code, stdout, stderr } = await run(aloneDir, 'roa', 'add', 'kid', '10.0.3.0/24 => 64496')
    expect(code).toBe(17)
    expect(stdout).toContain('not published yet: the next tick sends it')
    expect(stderr).toMatch(
      /^Warning: the repository of kid has not confirmed the change: .*; the next tick sends it, or: brine .*repo sync kid$/m,
    )
    const json = await run(aloneDir, 'roa', 'add', 'kid', '10.0.4.0/24 => 64496', '--json')
    expect(json.code).toBe(17)
    expect(json.json()).toMatchObject({ changed: 'yes', published: false, unsynced: ['kid'] })
    const quiet = await run(aloneDir, 'roa', 'add', 'kid', '10.0.5.0/24 => 64496', '--quiet')
    expect([quiet.code, quiet.stdout]).toEqual([17, ''])
    expect(quiet.stderr).toMatch(/^Error: the repository of kid has not confirmed/)
    const later = await run(aloneDir, 'roa', 'add', 'kid', '10.0.6.0/24 => 64496', '--no-sync')
    expect([later.code, later.stderr]).toEqual([0, ''])
  })
})
