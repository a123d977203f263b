/**
 * A real Krill as a child of a CA of ours, over HTTP: brine cgi answers its messages. Its own publication server holds its objects, which are
 * not looked at here: what counts is that Krill accepts our answers and certificates, and that we accept its messages.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Krill, needKrill } from '../support/peers/krill.js'
import { type ServedCgi, serveCgi } from '../support/peers/served-cgi.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-child')
let krill: Krill | undefined
let server: ServedCgi | undefined
afterAll(async () => {
  await krill?.stop()
  server?.stop()
  scratch.remove()
})

const childOf = (dir: string) =>
  brineOk<{ resources: Record<string, string>; certificates: readonly { resources: Record<string, string> }[] }>(dir, [
    ...['child', 'show', 'testbed', 'kid', '--json'],
  ])

test('Krill gets a certificate, follows its resources, rolls its key and is heard', async (context) => {
  const programs = needKrill(context)
  const dir = join(scratch.dir, 'brine')
  await newTestbed(dir)
  server = await serveCgi(dir)
  const { uri } = server
  krill = await Krill.start(join(scratch.dir, 'krill'), programs, { testbed: true })
  await krill.run('add', '--ca', 'kid')
  await krill.configureRepo('kid', await krill.addPublisher('kid', await krill.publisherRequest('kid')))

  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  writeFileSync(request, await krill.childRequest('kid'))
  await brineOk(dir, [
    ...['child', 'add', 'testbed', 'kid', '--request', request, '--service-uri', uri],
    ...['--resources', '10.0.0.0/8, AS64496, 2001:db8::/32', '--out', response],
  ])
  await krill.addParent('kid', 'brine', readFileSync(response, 'utf8'))
  const held = async (): Promise<string> => (await krill?.resources('kid'))?.ipv4 ?? ''
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/8')).toBe(true)
  expect((await childOf(dir)).certificates.map((c) => c.resources)).toEqual([
    { asn: 'AS64496', ipv4: '10.0.0.0/8', ipv6: '2001:db8::/32' },
  ])

  await brineOk(dir, ['child', 'update', 'testbed', 'kid', '--add', '11.0.0.0/8'])
  await krill.run('bulk', 'refresh')
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/7')).toBe(true)
  await brineOk(dir, ['child', 'update', 'testbed', 'kid', '--remove', '10.0.0.0/8', '--yes'])
  await krill.run('bulk', 'refresh')
  expect(await krill.wait(async () => (await held()) === '11.0.0.0/8')).toBe(true)

  const before = (await childOf(dir)).certificates.length
  await krill.run('keyroll', 'init', '--ca', 'kid')
  expect(await krill.wait(async () => (await childOf(dir)).certificates.length === before + 1)).toBe(true)
  // Krill ignores an activation until it has taken over the answer
  const isRolled = async (): Promise<boolean> => {
    await krill?.run('keyroll', 'activate', '--ca', 'kid')
    return krill?.wait(async () => (await childOf(dir)).certificates.length === before, 5) ?? false
  }
  expect(await krill.wait(isRolled)).toBe(true)
  await brineOk(dir, ['audit', 'verify', '--full'])
}, 300_000)
