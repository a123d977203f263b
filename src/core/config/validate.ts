/** Rules between keys: each value may be in its range and the combination still be invalid. */
import { relative } from 'node:path'
import type { Config, KeyName } from './schema.js'

export interface Finding {
  readonly keys: readonly KeyName[]
  readonly message: string
}

const HOUR = 3600

/** Returns the findings for which the configuration is refused. */
export function validateConfig(c: Config): readonly Finding[] {
  return [...manifestFaults(c), ...validityFaults(c), ...thresholdFaults(c), ...folderFaults(c)]
}

/** Returns the findings that are allowed but unwise. */
export function configWarnings(c: Config): readonly Finding[] {
  if (c.timingPublishNextHours <= 24) return []
  const message =
    `timing_publish_next_hours = ${c.timingPublishNextHours}: a manifest that is valid for more than 24 h can be ` +
    'replayed for as long, hiding what you withdrew'
  return [{ keys: ['timing_publish_next_hours'], message }]
}

function manifestFaults(c: Config): readonly Finding[] {
  const next = c.timingPublishNextHours
  const jitter = c.timingPublishNextJitterHours
  const before = c.timingPublishHoursBeforeNext
  const found: Finding[] = []
  if (jitter > next / 2) {
    const message = `timing_publish_next_jitter_hours (${jitter}) must be at most half of timing_publish_next_hours (${next})`
    found.push({ keys: ['timing_publish_next_jitter_hours', 'timing_publish_next_hours'], message })
  }
  if (before >= next) {
    const message = `timing_publish_hours_before_next (${before}) must be less than timing_publish_next_hours (${next})`
    found.push({ keys: ['timing_publish_hours_before_next', 'timing_publish_next_hours'], message })
  } else if (jitter <= next / 2 && before >= next - jitter) {
    const message =
      `timing_publish_hours_before_next (${before}) must be less than timing_publish_next_hours minus ` +
      `timing_publish_next_jitter_hours (${next} - ${jitter}): a manifest would be due as soon as it is issued`
    const keys: KeyName[] = [
      'timing_publish_hours_before_next',
      'timing_publish_next_hours',
      'timing_publish_next_jitter_hours',
    ]
    found.push({ keys, message })
  }
  if (c.tickPeriod >= before * HOUR) {
    const message = `tick_period (${c.tickPeriod} s) must be less than timing_publish_hours_before_next (${before} h)`
    found.push({ keys: ['tick_period', 'timing_publish_hours_before_next'], message })
  }
  return found
}

function validityFaults(c: Config): readonly Finding[] {
  const found: Finding[] = []
  const less = (low: KeyName, lowWeeks: number, high: KeyName, highWeeks: number): void => {
    if (lowWeeks >= highWeeks)
      found.push({ keys: [low, high], message: `${low} (${lowWeeks}) must be less than ${high} (${highWeeks})` })
  }
  less(
    'timing_roa_reissue_weeks_before',
    c.timingRoaReissueWeeksBefore,
    'timing_roa_valid_weeks',
    c.timingRoaValidWeeks,
  )
  less(
    'timing_aspa_reissue_weeks_before',
    c.timingAspaReissueWeeksBefore,
    'timing_aspa_valid_weeks',
    c.timingAspaValidWeeks,
  )
  less(
    'timing_bgpsec_reissue_weeks_before',
    c.timingBgpsecReissueWeeksBefore,
    'timing_bgpsec_valid_weeks',
    c.timingBgpsecValidWeeks,
  )
  less(
    'timing_child_certificate_reissue_weeks_before',
    c.timingChildCertificateReissueWeeksBefore,
    'timing_child_certificate_valid_weeks',
    c.timingChildCertificateValidWeeks,
  )
  return found
}

function thresholdFaults(c: Config): readonly Finding[] {
  const found: Finding[] = []
  const atMost = (low: KeyName, lowValue: number, high: KeyName, highValue: number): void => {
    if (lowValue > highValue)
      found.push({ keys: [low, high], message: `${low} (${lowValue}) must be at most ${high} (${highValue})` })
  }
  atMost('roa_deaggregate_threshold', c.roaDeaggregateThreshold, 'roa_aggregate_threshold', c.roaAggregateThreshold)
  atMost('rrdp_delta_files_min_nr', c.rrdpDeltaFilesMinNr, 'rrdp_delta_files_max_nr', c.rrdpDeltaFilesMaxNr)
  atMost(
    'rrdp_delta_files_min_seconds',
    c.rrdpDeltaFilesMinSeconds,
    'rrdp_delta_files_max_seconds',
    c.rrdpDeltaFilesMaxSeconds,
  )
  return found
}

/** Messages of peers are not for the public. */
function folderFaults({ exchangeLogDir, repoDir }: Config): readonly Finding[] {
  if (exchangeLogDir === undefined || repoDir === undefined) return []
  const below = relative(repoDir, exchangeLogDir)
  if (below === '..' || below.startsWith('../')) return []
  const message = `exchange_log_dir (${exchangeLogDir}) must not lie in repo_dir (${repoDir}), which is published`
  return [{ keys: ['exchange_log_dir', 'repo_dir'], message }]
}
