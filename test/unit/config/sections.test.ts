/** A fault in a section of brine.toml: that section alone is disabled, with the line; a fault outside of the sections refuses the file. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import { NOTHING_DISABLED } from '../../../src/core/config/enrolment/schema.js'
import { configDigest, type LoadedConfig, loadConfig, loadUsableConfig } from '../../../src/core/config/load.js'
import { KEYS } from '../../../src/core/config/schema.js'

const ca = (id: string, key = 'ca_key'): string =>
  `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "/${id}.pem"\n${key} = "/${id}.key"\n`
const group = (name: string, ...cas: readonly string[]): string =>
  `[[ha.group]]\nname = "${name}"\nca_ids = [${cas.map((id) => `"${id}"`).join(', ')}]\n`
const label = (name: string, caId: string, more = ''): string =>
  `[[est.label]]\nname = "${name}"\nca_id = "${caId}"\n${more}`

const use = (text: string): Promise<LoadedConfig> => loadUsableConfig(text, 'brine.toml')
/** What can be used, and what is disabled. */
async function summary(text: string) {
  const { enrolment, sectionFaults } = await use(text)
  const { disabled } = enrolment
  return {
    cas: enrolment.cas.map(({ id }) => id),
    groups: enrolment.groups.map(({ name, caIds }) => `${name}: ${caIds.join(' ')}`),
    labels: enrolment.labels.map(({ name }) => name),
    off: [...disabled.cas.keys(), ...disabled.groups.keys(), ...disabled.labels.keys()],
    all: disabled.all,
    faults: sectionFaults.map(({ line, message }) => `${line}: ${message}`),
  }
}
const refusal = async (text: string): Promise<string> =>
  use(text).then(
    () => 'accepted',
    (error: Error) => error.message,
  )

describe('a faulty section', () => {
  it('a CA: its group goes on with the others, a label of it alone does not', async () => {
    const text = `tick_period = "1m"\n${ca('one', 'ca_kee')}${ca('two')}${group('g', 'one', 'two')}${ca('lone', 'x')}${label('a', 'one')}${label('b', 'lone')}`
    expect(await summary(text)).toEqual({
      cas: ['two'],
      groups: ['g: two'],
      labels: ['a'],
      off: ['one', 'lone', 'b'],
      all: null,
      faults: [
        '5: [ca.file]: required key ca_key is missing',
        '7: unknown key "ca_kee" in [ca.file], did you mean ca_key?',
        '20: [ca.file]: required key ca_key is missing',
        '22: unknown key "x" in [ca.file]',
      ],
    })
    const { config, enrolment } = await use(text)
    expect(config.tickPeriod).toBe(60)
    expect(enrolment.disabled.members.get('g')).toEqual(['one'])
    expect(enrolment.disabled.labels.get('b')).toBe('lone: line 20: [ca.file]: required key ca_key is missing')
  })

  it('a CA with an invalid id, or that is defined twice', async () => {
    expect(await summary(`${ca('ONE')}${ca('two')}${group('g', 'ONE', 'two')}`)).toMatchObject({
      groups: ['g: two'],
      faults: [expect.stringContaining('id of [[ca]] must be a name')],
    })
    expect(await summary(`${ca('one')}${ca('one')}${ca('two')}${group('g', 'one', 'two')}`)).toMatchObject({
      cas: ['two'],
      groups: ['g: two'],
      faults: ['7: CA "one" is defined twice'],
    })
  })

  it('a member that does not exist: the group goes on with the others, unless there are none', async () => {
    const found = await summary(`${ca('two')}${group('g', 'tree', 'two')}${group('h', 'tree')}${label('a', 'two')}`)
    expect(found).toMatchObject({ groups: ['g: two'], off: ['h'], labels: ['a'] })
  })

  it('a group: the labels that it may serve are refused, and not given to a CA alone', async () => {
    const text = (caIds: string): string =>
      `${ca('one')}${ca('two')}[[ha.group]]\nname = "g"\n${caIds}\nstrategy = "x"\n${group('h', 'two')}${label('a', 'one')}${label('b', 'two')}`
    expect(await summary(text('ca_ids = ["one"]'))).toMatchObject({
      groups: ['h: two'],
      labels: ['b'],
      off: ['g', 'a'],
    })
    // which CAs are in it cannot be read
    expect(await summary(text('ca_ids = "one"'))).toMatchObject({ groups: ['h: two'], labels: ['b'], off: ['g', 'a'] })
  })

  it('a label, alone', async () => {
    expect(await summary(`${ca('one')}${label('a', 'one', 'auth = "basic"\n')}${label('b', 'one')}`)).toMatchObject({
      labels: ['b'],
      off: ['a'],
    })
    expect(await summary(`${ca('one')}${label('a', 'one')}${label('a', 'one')}${label('b', 'one')}`)).toMatchObject({
      labels: ['b'],
      off: ['a'],
    })
  })

  it('a profile: its labels are refused, and do not get the built-in profile of that name', async () => {
    const profile = (name: string): string => `[[est.profile]]\nname = "${name}"\nrsa_bits = "x"\n`
    const labels = `${label('a', 'one', 'profile = "deviceCert"\n')}${label('b', 'one')}`
    expect(await summary(`${ca('one')}${profile('deviceCert')}${labels}`)).toMatchObject({ labels: ['b'], off: ['a'] })
    expect(await summary(`${ca('one')}${profile('own')}${label('a', 'one', 'profile = "own"\n')}`)).toMatchObject({
      off: ['a'],
      faults: [expect.stringContaining('rsa_bits')],
    })
    // a table in place of a list may mean any of the built-in ones
    expect(await summary(`${ca('one')}[est.profile]\nname = "deviceCert"\n${labels}`)).toMatchObject({ labels: [] })
  })

  it.each([
    ['a value', '[ha]\ncheck_interval = 10\n'],
    ['an inconsistent time', '[ha]\ncheck_timeout = "20s"\n'],
    ['no list of groups', '[ha.group]\nname = "g"\n'],
    ['another name', '[hq]\nfailback = "manual"\n'],
  ])('[ha] with %s: no CA is used', async (_, text) => {
    const found = await summary(`${ca('one')}${label('a', 'one')}${text}`)
    expect([found.all, found.labels]).toEqual([expect.stringMatching(/^line 1[01]: /), []])
  })

  it('an unknown table, alone', async () => {
    expect(await summary(`[server]\nport = 3\n${ca('one')}${label('a', 'one')}`)).toMatchObject({
      cas: ['one'],
      labels: ['a'],
      faults: ['1: unknown table [server]'],
    })
  })
})

describe('a section that is not TOML', () => {
  it.each([
    ['a value', 'id = one\nbackend = "file"'],
    ['a key twice', 'id = "one"\nid = "one"'],
    ['its table', 'id = "one"\nbackend = "file"\n[ca.file]\nca_cert = /one.pem'],
    ['an open string', 'id = "one"\nbackend = """file'],
  ])('%s: the rest is read', async (_, text) => {
    const found = await summary(
      `tick_period = "1m"\n[[ca]]\n${text}\n${ca('two')}${group('g', 'one', 'two')}${label('a', 'one')}`,
    )
    expect(found).toMatchObject({ cas: ['two'], groups: ['g: two'], labels: ['a'], off: ['one'] })
    expect(found.faults).toEqual([expect.stringMatching(/^[3-7]: not TOML, column \d+: /)])
  })

  it('a header, or a table that is defined twice', async () => {
    expect(await summary(`${ca('one')}[[est.label]\nname = "a"\nca_id = "one"\n${label('b', 'one')}`)).toMatchObject({
      labels: ['b'],
      off: ['a'],
      faults: [expect.stringMatching(/^7: not TOML/)],
    })
    expect(await summary(`${ca('one')}${label('b', 'one')}[ha]\n[ha]\n`)).toMatchObject({ labels: [], cas: ['one'] })
  })
})

describe('a fault outside of the sections refuses the file', () => {
  it.each([
    ['a value', `lock_timeout = "soon"\n${ca('one')}`, '1: lock_timeout must be'],
    ['an unknown key', `repo_dri = "/x"\n${ca('one')}`, '1: unknown key "repo_dri", did you mean repo_dir?'],
    ['a rule between keys', `tick_period = "8h"\n${ca('one')}`, '1: tick_period (28800 s) must be less'],
    ['no TOML above the sections', `repo_dir = /srv/repo\n${ca('one')}`, '1: not TOML'],
    ['a merge that was not finished', `<<<<<<< HEAD\n${ca('one')}`, '1: not TOML'],
    ['a key below a section', `${ca('one')}repo_dir = "/x"\n`, '7: repo_dir is set in a section: move it above'],
    ['a mistyped key below a section', `[ha]\nrepo_dri = "/x"\n`, '2: unknown key "repo_dri" in [ha]'],
    ['a key in an unknown table', '[publication]\nrepo_dir = "/x"\n', '2: repo_dir is set in a section'],
    ['a key in a section that is not TOML', '[ha]\ncheck_interval = 5s\nrepo_dir = "/x"\n', '2: repo_dir is set'],
  ])('%s', async (_, text, message) => {
    expect(await refusal(text)).toMatch(new RegExp(`(?:brine.toml:|line )${message.replace(/[?()[\]]/g, '\\$&')}`))
  })
})

it('the strict reader refuses every fault, and says what follows from none', async () => {
  const error: AppError = await loadConfig(
    `${ca('one', 'x')}${group('g', 'one')}${label('a', 'one')}`,
    'brine.toml',
  ).then(
    () => new AppError('internal', 'accepted', ''),
    (e: AppError) => e,
  )
  expect(error.message.match(/line \d+: .*/g)).toEqual([
    'line 4: [ca.file]: required key ca_key is missing',
    'line 6: unknown key "x" in [ca.file]',
  ])
})

it('a configuration without faults disables nothing and keeps its digest', async () => {
  const text = `${ca('one')}${label('a', 'one')}`
  const [strict, usable] = await Promise.all([loadConfig(text, 'x'), use(text)])
  expect(usable.enrolment.disabled).toEqual(NOTHING_DISABLED)
  expect(configDigest(usable)).toBe(configDigest(strict))
  const faulty = await use(`${text}${label('b', 'one', 'x = 1\n')}`)
  expect(configDigest(faulty)).not.toBe(configDigest(strict))
})

it('any sections can be used in part or are refused, never another failure', async () => {
  const word = fc.constantFrom(
    ...[
      '[ha]\n',
      '[[ca]]\n',
      '[ca.file]\n',
      '[[ha.group]]\n',
      '[[est.label]]\n',
      '[[est.profile]]\n',
      '[ca]\n',
      '[x]\n',
    ],
    ...[
      'id = "one"\n',
      'name = "a"\n',
      'ca_id = "one"\n',
      'ca_ids = ["one"]\n',
      'backend = "file"\n',
      'ca_cert = "/c"\n',
    ],
    ...[
      'ca_key = "/k"\n',
      'profile = "deviceCert"\n',
      'ha = 3\n',
      'est = 1\n',
      '= \n',
      '"""\n',
      '[[ca]\n',
      'x = [\n',
      ']\n',
    ],
    ...[...KEYS.keys()].map((key) => `${key} = 5\n`),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 30 }), async (words) => {
      const outcome = await use(words.join('')).then(
        ({ enrolment }) => (enrolment.labels.every(({ caId }) => caId === 'one') ? 'usage' : 'wrong'),
        (e: unknown) => (e instanceof AppError ? e.kind : String(e)),
      )
      expect(outcome).toBe('usage')
    }),
    { numRuns: 300 },
  )
})
