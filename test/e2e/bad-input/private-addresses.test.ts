/**
 * Response files of RFC 8183 that name loopback, link-local or private addresses: refused where they are configured, in a dry run too, unless
 * --allow-private is given.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parentResponse, repositoryResponse } from '../../support/peers/setup-files.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'
import { brineOk } from '../../support/sites/testbed.js'

const PUBLIC = 'https://ca.example.net/rfc8181/kid'
let box: Sandbox
let dataDir: string

beforeAll(async () => {
  box = await sandbox()
  dataDir = box.copy()
  for (const ca of ['kid', 'mover']) await brineOk(dataDir, ['ca', 'add', ca], NOW)
  await brineOk(dataDir, ['parent', 'request', 'kid'], NOW)
  for (const ca of ['kid', 'mover']) await brineOk(dataDir, ['repo', 'request', ca], NOW)
  await brineOk(dataDir, ['repo', 'configure', 'mover', '--local'], NOW)
})
afterAll(() => box.remove())

const COMMANDS = {
  add: ['parent', 'add', 'kid', 'registry'],
  configure: ['repo', 'configure', 'kid'],
  migrate: ['repo', 'migrate', 'mover', '--no-sync'],
}

function fileOf(xml: string): string {
  const path = join(dataDir, 'response.xml')
  writeFileSync(path, xml)
  return path
}

const commits = (): number => readdirSync(join(dataDir, 'commits')).length

type Case = readonly [attribute: string, host: string, xml: () => Promise<string>]

const repository = (uris: Parameters<typeof repositoryResponse>[1]) => () =>
  repositoryResponse('kid', { serviceUri: PUBLIC, ...uris })
const PARENTS: readonly Case[] = [
  ['service_uri', '127.0.0.1', () => parentResponse('kid', 'http://127.0.0.1:9/rfc6492/registry?token=1')],
]
const REPOSITORIES: readonly Case[] = [
  ['service_uri', '169.254.1.2', repository({ serviceUri: 'https://169.254.1.2/x' })],
  ['sia_base', '10.1.2.3', repository({ siaBase: 'rsync://0xa.1.515/repo/kid/' })],
  ['rrdp_notification_uri', 'localhost', repository({ rrdpNotificationUri: 'https://LOCALHOST:8443/n.xml' })],
]

describe.each(Object.entries(COMMANDS))('%s', (name, words) => {
  it.each(name === 'add' ? PARENTS : REPOSITORIES)(
    'refuses %s at %s, and a dry run does',
    async (attribute, host, xml) => {
      const before = commits()
      const response = ['--response', fileOf(await xml())]
      for (const dry of [[], ['--dry-run']]) {
        const { code, stdout, stderr } = await runAt(dataDir, [...words, ...response, ...dry])
        expect([code, stdout]).toEqual([15, ''])
        expect(stderr).toMatch(
          new RegExp(
            `^Error: ${attribute} of the response, [a-z]+://\\S+: ${host} is a loopback, link-local or private address\\n`,
          ),
        )
        expect(stderr).toContain('--allow-private')
        expect(stderr).not.toContain('token')
        const json = await runAt(dataDir, [...words, ...response, ...dry, '--json'])
        expect(json.code).toBe(15)
        expect(json.json()).toMatchObject({
          error: {
            kind: 'remote',
            code: 'peer-private-address',
            changed: 'no',
            details: { attribute, addresses: [host] },
          },
        })
      }
      expect(commits()).toBe(before)
      const allowed = await runAt(dataDir, [...words, ...response, '--allow-private', '--dry-run', '--json'])
      expect([allowed.code, allowed.json()]).toMatchObject([0, { wouldChange: true }])
    },
  )
})

it('a name is stored, as its addresses are looked up by each connection', async () => {
  const xml = await parentResponse('kid', 'https://ca.example.net/rfc6492/registry')
  const added = await runAt(dataDir, [...COMMANDS.add, '--response', fileOf(xml)])
  expect([added.code, added.stderr]).toEqual([0, ''])
  const again = [...COMMANDS.add, '--response', fileOf(await parentResponse('kid', 'https://[fe80::1]/x'))]
  expect((await runAt(dataDir, again)).code).toBe(15)
  expect(await brineOk(dataDir, ['parent', 'show', 'kid', 'registry'], NOW)).toMatchObject({
    contact: { serviceUri: 'https://ca.example.net/rfc6492/registry' },
  })
})
