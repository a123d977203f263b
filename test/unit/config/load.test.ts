/** brine.toml: strict, every fault at once with its line, and defaults that agree with the template and the issuing rules. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import { configDigest, configEntries, defaultConfig, loadConfig, timingOf } from '../../../src/core/config/load.js'
import { readConfigText } from '../../../src/core/config/read.js'
import { KEYS } from '../../../src/core/config/schema.js'
import { configTemplate } from '../../../src/core/config/template.js'
import { DEFAULT_TIMING } from '../../../src/core/issuing/timing.js'

async function refusal(text: string): Promise<AppError> {
  const error = await loadConfig(text, 'brine.toml').then(
    () => undefined,
    (e: unknown) => e,
  )
  if (!(error instanceof AppError)) throw new Error(`accepted: ${text}`)
  return error
}

describe('defaults', () => {
  test('an empty file, blank lines and comments mean the defaults', async () => {
    for (const text of ['', '\n\n', '# nothing\r\n\t\r\n  # = [x]\n', configTemplate()]) {
      const { config, warnings, set } = await loadConfig(text, 'brine.toml')
      expect(config).toEqual(defaultConfig())
      expect(warnings).toEqual([])
      expect(set.size).toBe(0)
    }
  })

  test('are the values that the community runs with', () => {
    expect(defaultConfig()).toMatchObject({
      timingPublishNextHours: 24,
      timingPublishNextJitterHours: 4,
      timingPublishHoursBeforeNext: 8,
      timingRoaValidWeeks: 52,
      timingRoaReissueWeeksBefore: 4,
      timingTaCertificateValidYears: 10,
      roaAggregateThreshold: 100,
      roaDeaggregateThreshold: 90,
      rrdpDeltaFilesMaxNr: 240,
      // the practice for publication servers: deltas for 4 hours, files that are not listed any more for 2
      rrdpDeltaFilesMinSeconds: 4 * 3600,
      rrdpOldFilesSeconds: 2 * 3600,
      rrdpInterval: 0,
      keyPoolSize: 0,
      snapshotInterval: 5,
      signer: 'soft',
      lockTimeout: 30,
      tickPeriod: 300,
      alwaysRecoverData: false,
    })
    expect(defaultConfig().archiveThresholdDays).toBeUndefined()
    expect(defaultConfig().repoDir).toBeUndefined()
  })

  test('are frozen', () => {
    expect(Object.isFrozen(defaultConfig())).toBe(true)
  })

  test('agree with the timing of the issuing rules', () => {
    expect(timingOf(defaultConfig())).toEqual(DEFAULT_TIMING)
  })

  test.each([
    ['roa', 'roa'],
    ['aspa', 'aspa'],
    ['bgpsec', 'router'],
    ['child_certificate', 'child'],
  ])('reach the issuing rules: timing_%s_*', async (key, kind) => {
    const { config } = await loadConfig(`timing_${key}_valid_weeks = 10\ntiming_${key}_reissue_weeks_before = 2`, 'f')
    const weeks = (n: number): number => n * 7 * 86_400
    expect(timingOf(config)).toMatchObject({ [`${kind}ValidSeconds`]: weeks(10), [`${kind}ReissueSeconds`]: weeks(2) })
  })
})

describe('the template', () => {
  test('uncommented whole, it is valid and changes nothing but what was off', async () => {
    const text = (configTemplate().split('# Repository servers and')[0] ?? '').replace(/^#(?=[a-z])/gm, '')
    const { config, set } = await loadConfig(text, 'brine.toml')
    expect([...set]).toEqual([...KEYS.keys()])
    expect(config).toEqual({
      ...defaultConfig(),
      repoDir: '/srv/rpki/repo',
      exchangeLogDir: '/var/log/brine/exchanges',
      archiveThresholdDays: 90,
      packThresholdDays: 90,
      suspendChildAfterInactiveHours: 90,
    })
  })

  test('explains every key on the line above it', () => {
    const lines = configTemplate().split('\n')
    for (const [name, key] of KEYS) {
      const at = lines.findIndex((line) => line.startsWith(`#${name} = `))
      expect(lines[at - 1], name).toContain(key.about)
    }
  })

  test('fits the screen', () => {
    for (const line of configTemplate().split('\n')) expect(line.length, line).toBeLessThanOrEqual(125)
  })
})

describe('values', () => {
  test('each type is read', async () => {
    const { config, set } = await loadConfig(
      'lock_timeout = "1m30s"\nkey_pool_size = 40\nalways_recover_data = true\nsigner = "webcrypto"\nrepo_dir = "/srv/repo"\n',
      'brine.toml',
    )
    expect(config).toMatchObject({
      lockTimeout: 90,
      keyPoolSize: 40,
      alwaysRecoverData: true,
      signer: 'webcrypto',
      repoDir: '/srv/repo',
    })
    expect(set.has('signer')).toBe(true)
    expect(configEntries({ config, set })).toContainEqual({ key: 'lock_timeout', value: 90, source: 'file' })
    expect(configEntries({ config, set })).toContainEqual({
      key: 'archive_threshold_days',
      value: null,
      source: 'default',
    })
  })

  test.each([
    ['key_pool_size = "4"', 'key_pool_size must be a whole number from 0 to 100000, not "4"'],
    ['key_pool_size = 4.0', 'key_pool_size must be a whole number from 0 to 100000, not 4'],
    ['key_pool_size = -1', 'not -1'],
    ['key_pool_size = 99999999999999999999', 'not 99999999999999999999'],
    ['lock_timeout = 30', 'lock_timeout must be a duration such as "30s"'],
    ['lock_timeout = "30"', 'not "30"'],
    ['lock_timeout = ""', 'not ""'],
    ['lock_timeout = "2d"', 'a duration from 0 to 86400 seconds, not "2d"'],
    ['auto_upgrade = "yes"', 'auto_upgrade must be true or false, not "yes"'],
    ['signer = "hsm"', 'signer must be one of "soft", "webcrypto", not "hsm"'],
    ['repo_dir = "repo"', 'repo_dir must be an absolute path, not "repo"'],
    ['repo_dir = ""', 'repo_dir must be an absolute path, not ""'],
    ['timing_ta_certificate_valid_years = 16', 'from 1 to 15, not 16'],
    ['snapshot_interval = 0', 'from 1 to 1000, not 0'],
    ['snapshot_interval = []', 'not an array'],
    ['snapshot_interval = {a = 1}', 'not a table'],
    ['snapshot_interval = 2026-01-01', 'not a date'],
  ])('%s is refused', async (line, message) => {
    const error = await refusal(`# first\n${line}\n`)
    expect(error.kind).toBe('usage')
    expect(error.code).toBe('config-invalid')
    expect(error.message).toContain('brine.toml:2: ')
    expect(error.message).toContain(message)
  })
})

describe('faults', () => {
  test('an unknown key, with the one that was meant', async () => {
    const error = await refusal('\n\nkey_pool_sise = 3\n')
    expect(error.message).toBe('brine.toml:3: unknown key "key_pool_sise", did you mean key_pool_size?')
  })

  test('unknown tables and arrays of tables, with their line', async () => {
    expect((await refusal('auto_upgrade = true\n[server]\nx = 1\n')).message).toBe(
      'brine.toml:2: unknown table [server]',
    )
    expect((await refusal('[[listener]]\nid = "a"\n')).message).toBe('brine.toml:1: unknown table [listener]')
    expect((await refusal('\n[tls.ca]\nid = "a"\n')).message).toBe('brine.toml:2: unknown table [tls]')
  })

  test.each(['__proto__', 'constructor', 'toString'])('%s is an unknown key like any other', async (name) => {
    expect((await refusal(`${name} = 1\n`)).message).toContain(`unknown key "${name}"`)
  })

  test('TOML syntax, with its line', async () => {
    expect((await refusal('auto_upgrade = true\nsigner = soft\n')).message).toMatch(/^brine\.toml:2: not TOML, column /)
    expect((await refusal('auto_upgrade = true\n\nauto_upgrade = false\n')).message).toMatch(/^brine\.toml:3: not TOML/)
    expect((await refusal('# bell \u0007\n')).message).toMatch(/^brine\.toml:1: not TOML/)
  })

  test('all at once, in the order of the file, rules between keys included', async () => {
    const text = [
      'roa_deaggregate_threshold = 200',
      'nonsense = 1',
      'lock_timeout = "soon"',
      'timing_roa_reissue_weeks_before = 52',
    ].join('\n')
    const error = await refusal(text)
    expect(error.message.split('\n')).toEqual([
      'brine.toml: 4 errors:',
      '  line 1: roa_deaggregate_threshold (200) must be at most roa_aggregate_threshold (100)',
      '  line 2: unknown key "nonsense"',
      expect.stringContaining('  line 3: lock_timeout must be a duration'),
      '  line 4: timing_roa_reissue_weeks_before (52) must be less than timing_roa_valid_weeks (52)',
    ])
    expect(error.details).toMatchObject({
      faults: [{ line: 1 }, { line: 2, key: 'nonsense' }, { line: 3 }, { line: 4 }],
    })
  })

  test('a rule between keys says nothing of a key that is wrong in itself', async () => {
    const error = await refusal('roa_aggregate_threshold = "many"\nroa_deaggregate_threshold = 200\n')
    expect(error.message).not.toContain('must be at most')
  })
})

describe('rules between keys', () => {
  test('messages of peers are not written where they would be published', async () => {
    const inside = (dir: string): string => `exchange_log_dir = "${dir}"\nrepo_dir = "/srv/repo"\n`
    for (const dir of ['/srv/repo', '/srv/repo/log', '/srv/x/../repo/rrdp', '/srv/repo/..log'])
      expect((await refusal(inside(dir))).message).toContain('must not lie in repo_dir (/srv/repo)')
    for (const dir of ['/srv/repo2', '/srv', '/srv/repo/../log', '/var/log'])
      expect((await loadConfig(inside(dir), 'brine.toml')).config.exchangeLogDir).toBe(dir)
    expect((await refusal('exchange_log_dir = "log"\n')).message).toContain('must be an absolute path')
    expect((await refusal('exchange_log_max_mb = 0\n')).message).toContain('from 1 to 1000000')
  })

  test.each([
    ['timing_publish_next_jitter_hours = 13', 'at most half'],
    ['timing_publish_hours_before_next = 24', 'must be less than timing_publish_next_hours (24)'],
    ['timing_publish_hours_before_next = 20', 'due as soon as it is issued'],
    ['tick_period = "8h"', 'tick_period (28800 s) must be less than'],
    ['timing_child_certificate_valid_weeks = 4', 'must be less than timing_child_certificate_valid_weeks (4)'],
    ['timing_aspa_valid_weeks = 3', 'timing_aspa_reissue_weeks_before (4)'],
    ['timing_bgpsec_valid_weeks = 3', 'timing_bgpsec_reissue_weeks_before (4)'],
    ['rrdp_delta_files_min_nr = 241', 'at most rrdp_delta_files_max_nr (240)'],
    ['rrdp_delta_files_min_seconds = 30000', 'rrdp_delta_files_min_seconds (30000) must be at most'],
  ])('%s is refused on its line', async (line, message) => {
    const error = await refusal(`\n${line}\n`)
    expect(error.message).toContain('brine.toml:2: ')
    expect(error.message).toContain(message)
  })

  test('an upper bound of the age of deltas below the default of the lower one moves that too', async () => {
    const { config } = await loadConfig('rrdp_delta_files_max_seconds = 7200\n', 'brine.toml')
    expect([config.rrdpDeltaFilesMinSeconds, config.rrdpDeltaFilesMaxSeconds]).toEqual([7200, 7200])
  })

  test('the greatest margin that is sound is taken', async () => {
    const { config } = await loadConfig('timing_publish_hours_before_next = 19\n', 'brine.toml')
    expect(config.timingPublishHoursBeforeNext).toBe(19)
  })

  test('a validity beyond 24 h is taken with a warning on its line', async () => {
    const { warnings } = await loadConfig('\ntiming_publish_next_hours = 25\n', 'brine.toml')
    expect(warnings).toEqual([
      { line: 2, key: 'timing_publish_next_hours', message: expect.stringContaining('replayed') as unknown },
    ])
  })
})

describe('the digest', () => {
  test('is the same for no file and for the defaults spelled out, another for a change', async () => {
    const spelled = await loadConfig('lock_timeout = "30s"\nsnapshot_interval = 5\n', 'brine.toml')
    const changed = await loadConfig('snapshot_interval = 6\n', 'brine.toml')
    expect(configDigest(spelled)).toBe(configDigest(await loadConfig('', 'x')))
    expect(configDigest(changed)).not.toBe(configDigest(spelled))
  })
})

test('any text is a configuration or a usage error, never another failure', async () => {
  const word = fc.constantFrom(
    ...KEYS.keys(),
    '[ha]',
    '=',
    '"',
    '1',
    'true',
    '"5m"',
    '\n',
    '#',
    '[',
    ']',
    '{',
    '\u0000',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(' ')),
      ),
      async (text) => {
        const outcome = await loadConfig(text, 'f').then(
          () => 'usage',
          (e: unknown) => (e instanceof AppError ? e.kind : String(e)),
        )
        expect(outcome).toBe('usage')
      },
    ),
    { numRuns: 300 },
  )
})

test('a missing or foreign file is an error, never the defaults', () => {
  const dir = mkdtempSync(join(tmpdir(), 'brine-config-'))
  try {
    expect(() => readConfigText(join(dir, 'none.toml'))).toThrow(/configuration file .* does not exist/)
    expect(() => readConfigText(dir)).toThrow(/EISDIR/)
    writeFileSync(join(dir, 'latin1.toml'), Buffer.from([0x23, 0xe9, 0x0a]))
    expect(() => readConfigText(join(dir, 'latin1.toml'))).toThrow(/not UTF-8/)
    writeFileSync(join(dir, 'ok.toml'), '# é\n')
    expect(readConfigText(join(dir, 'ok.toml'))).toBe('# é\n')
  } finally {
    rmSync(dir, { recursive: true })
  }
})
