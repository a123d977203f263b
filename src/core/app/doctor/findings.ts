/** Findings of `status` as checks of `doctor`, by topic. Pure. */
import type { StatusFinding } from '../status/finding.js'
import type { StatusReport } from '../status/report.js'
import { type DoctorCheck, ok, type Topic } from './check.js'

/** Topics by the codes of `status`; null: another check of doctor reports it. */
const TOPIC_OF: Readonly<Record<string, Topic | null>> = {
  'served-unreadable': 'repository',
  'served-behind': 'repository',
  exposed: null,
  'config-fault': null,
  'config-warning': null,
  'clock-behind': 'clock',
  'published-in-future': 'clock',
  'disk-full': null,
  'disk-low': 'disk',
  'key-missing': 'keys',
  'key-damaged': 'keys',
  'certificate-expiring': 'certificates',
  'label-outlives-ca': 'certificates',
  'tls-damaged': null,
  'crl-missing': 'certificates',
  'crl-expiring': 'certificates',
  stale: 'tick',
  'stale-soon': 'tick',
  overdue: 'tick',
  'tick-missing': 'tick',
}

/** Returns the findings, and a line for each topic that has none. */
export function statusChecks(report: StatusReport): readonly DoctorCheck[] {
  const found = report.concerns.flatMap((finding): readonly DoctorCheck[] => {
    // the only warning of the configuration that config check does not have
    const isRemote = finding.code === 'config-warning' && finding.message.includes('network file system')
    const topic = isRemote ? 'repository' : finding.code in TOPIC_OF ? TOPIC_OF[finding.code] : 'state'
    return topic === null || topic === undefined ? [] : [checkOf(topic, finding)]
  })
  const isFree = (topic: Topic): boolean => found.every(({ check }) => check !== topic)
  const { lastTick, publication, role, cas, broken } = report
  const tick = lastTick === null ? 'not needed yet' : `last run at ${lastTick.at}`
  const served =
    publication === null ? 'no publication server here' : `serial ${publication.serial} is served and readable`
  const state = `${role}, ${cas.length} CAs and trust anchors${broken.length === 0 ? '' : `, ${broken.length} damaged`}`
  return [
    ...found,
    ...(isFree('tick') ? [ok('tick', tick)] : []),
    ...(isFree('repository') ? [ok('repository', served)] : []),
    ...(isFree('state') ? [ok('state', state)] : []),
  ]
}

function checkOf(check: Topic, { level, code, message, hint }: StatusFinding): DoctorCheck {
  return { check, level: level === 'critical' ? 'fault' : 'warning', code, message, hint }
}
