/** The sections of the repository servers: documented keys, defaults, faults with their lines, and none used if one has a fault. */
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { configDigest, loadConfig, loadUsableConfig } from '../../../src/core/config/load.js'
import { parseConfig } from '../../../src/core/config/parse.js'
import { REPOSITORY_SECTIONS } from '../../../src/core/config/repository/keys.js'
import { readRepository } from '../../../src/core/config/repository/parse.js'
import { NO_REPOSITORY } from '../../../src/core/config/repository/schema.js'
import { configTemplate } from '../../../src/core/config/template.js'

const ONE = '[[repository.server]]\nname = "one"\nnotification = "https://one.example:8443/rrdp/notification.xml"\n'
const TWO = '[[repository.server]]\nname = "two"\nrsync = "rsync://two.example/repo/"\n'

async function faultsOf(text: string): Promise<readonly string[]> {
  return (await parseConfig(text)).sectionFaults.map(({ line, message }) => `${line}: ${message}`)
}

describe('the sections of the repository servers', () => {
  it('have defaults for every key that is not required', async () => {
    const { repository, sectionFaults } = await loadConfig(
      `${ONE}${TWO}pool = "192.0.2.2"\npush = "/srv/two"\ntls_ca = "/etc/two.pem"\n[[repository.pool]]\nfile = "/etc/pool.conf"\n`,
      'brine.toml',
    )
    expect(sectionFaults).toEqual([])
    expect(repository).toEqual({
      probeTimeout: 60,
      maxLag: 600,
      servers: [
        {
          name: 'one',
          notification: 'https://one.example:8443/rrdp/notification.xml',
          rsync: undefined,
          tlsCa: undefined,
          pool: 'one.example:8443',
          push: undefined,
        },
        {
          name: 'two',
          notification: undefined,
          rsync: 'rsync://two.example/repo/',
          tlsCa: '/etc/two.pem',
          pool: '192.0.2.2',
          push: '/srv/two',
        },
      ],
      pools: [{ file: '/etc/pool.conf', form: 'nginx', parts: ['rrdp', 'rsync'], backend: undefined }],
      disabled: null,
    })
    expect((await loadConfig('', 'brine.toml')).repository).toEqual(NO_REPOSITORY)
  })

  it.each([
    [
      'no URI',
      '[[repository.server]]\nname = "one"\n',
      '2: [[repository.server]]: one of notification and rsync is required',
    ],
    [
      'no name',
      `[[repository.server]]\nrsync = "rsync://two.example/repo/"\n`,
      '1: [[repository.server]]: required key name is missing',
    ],
    [
      'a plain http URI',
      `${TWO}notification = "http://one.example/n.xml"\n`,
      '4: notification of [[repository.server]] must be the https URI of a notification file, not "http://one.example/n.xml"',
    ],
    [
      'an rsync URI without a final slash',
      '[[repository.server]]\nname = "a"\nrsync = "rsync://a/repo"\n',
      '3: rsync of [[repository.server]] must be an rsync URI with a final /, not "rsync://a/repo"',
    ],
    ['a name twice', `${ONE}${ONE}`, '5: name "one" is in two [[repository.server]]'],
    ['an unknown key', `${ONE}notify = 1\n`, '4: unknown key "notify" in [[repository.server]]'],
    [
      'a form without its backend',
      `${ONE}[[repository.pool]]\nfile = "/p"\nform = "haproxy"\n`,
      '6: [[repository.pool]]: the form haproxy needs the key backend',
    ],
    [
      'a backend without its form',
      `${ONE}[[repository.pool]]\nfile = "/p"\nbackend = "b"\n`,
      '6: backend of [[repository.pool]] is only for the form haproxy',
    ],
    [
      'a file twice',
      `${ONE}[[repository.pool]]\nfile = "/p"\n[[repository.pool]]\nfile = "/p"\n`,
      '7: file "/p" is in two [[repository.pool]]',
    ],
    [
      'a pool of a part that no server has',
      `${ONE}[[repository.pool]]\nfile = "/p"\nparts = "rsync"\n`,
      '4: [[repository.pool]]: no server has a URI for rsync',
    ],
    [
      'an address that would add a line',
      `${ONE}pool = "a;\\nserver b"\n`,
      '4: pool of [[repository.server]] must be a host name or an address, with a port if needed, not "a;\\nserver b"',
    ],
  ])('%s is a fault with its line, and no server is used', async (_what, text, message) => {
    expect(await faultsOf(text)).toEqual([message])
    const { repository } = await loadUsableConfig(`${text}`, 'brine.toml')
    expect(repository).toEqual({ ...NO_REPOSITORY, disabled: `line ${message}`.replace(/^line (\d+): /, 'line $1: ') })
    await expect(loadConfig(text, 'brine.toml')).rejects.toMatchObject({ code: 'config-invalid' })
  })

  it('a section that is not TOML disables the servers and nothing else, and a fault elsewhere not the servers', async () => {
    const broken = await loadUsableConfig(`tick_period = "1m"\n${ONE}pool = \n`, 'brine.toml')
    expect(broken.repository.disabled).toMatch(/^line 5: not TOML/)
    expect(broken.config.tickPeriod).toBe(60)
    const other = await loadUsableConfig(`${ONE}[[ca]]\nid = "one"\n`, 'brine.toml')
    expect(other.sectionFaults).not.toEqual([])
    expect(other.repository.servers.map(({ name }) => name)).toEqual(['one'])
  })

  it('count in the digest of the configuration, which is the same without them', async () => {
    const none = await loadConfig('', 'brine.toml')
    const { repository: _, ...before } = none
    expect(configDigest(none)).toBe(configDigest(before))
    expect(configDigest(await loadConfig(ONE, 'brine.toml'))).not.toBe(configDigest(none))
  })
})

describe('the documented keys', () => {
  /** A table that records which of its keys are read. */
  const recording = (keys: Set<string>, values: object = {}) =>
    new Proxy(values, {
      getOwnPropertyDescriptor(target, name) {
        keys.add(String(name))
        return Reflect.getOwnPropertyDescriptor(target, name)
      },
    })

  it('are those that the parser reads', () => {
    const read = new Map(REPOSITORY_SECTIONS.map(({ header }) => [header, new Set<string>()]))
    const of = (header: string): Set<string> => read.get(header) ?? new Set()
    const server = [recording(of('[[repository.server]]'))]
    const pool = [recording(of('[[repository.pool]]'))]
    readRepository({ repository: recording(of('[repository]'), { server, pool }) }, [])
    for (const name of ['server', 'pool']) of('[repository]').delete(name)
    for (const { header, keys } of REPOSITORY_SECTIONS)
      expect([...of(header)].sort(), header).toEqual(keys.map(({ name }) => name).sort())
  })

  it('have examples in the template that are valid once uncommented', async () => {
    const text = configTemplate().split('load balancers\n')[1]?.split('# CAs that issue')[0] ?? ''
    const uncommented = text.replaceAll(/^#(?! )/gm, '').replace(/^backend = .*\n/m, '')
    expect(parse(uncommented)).toHaveProperty('repository.server')
    const { repository, sectionFaults } = await parseConfig(uncommented)
    expect(sectionFaults).toEqual([])
    expect([repository.servers.length, repository.pools.length]).toEqual([1, 1])
  })
})
