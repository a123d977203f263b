/** `brine promote`: makes a stand-by the primary. */
import { type PromoteReport, promote } from '../core/app/operations/promote.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { clockFlags, confirmFlags, writeFlags } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'
import type { Theme } from '../core/cli/output/theme.js'

function highWaterMarkLine({ asked, manifestNumber, at }: PromoteReport['seen']): string {
  const advance = 'manifest and CRL numbers are set to the Unix time'
  if (asked.length === 0) return `published numbers are unknown, no published tree found; ${advance}`
  const number = manifestNumber === null ? 'no manifest number' : `manifest number ${manifestNumber}`
  const sources = asked.map((source) => (source === 'served tree' ? 'published tree' : 'replaced directory'))
  return `published so far: ${number}${at === null ? '' : `, newest at ${at}`} (from the ${sources.join(' and the ')}); ${advance}, above that`
}

export default class Promote extends BaseCommand<PromoteReport> {
  static override summary = 'make this stand-by the primary, the only directory that may write'
  static override description =
    'First make sure that no other primary is running. Manifest and CRL numbers are set to the Unix time, above every number in the published tree and in a directory that a restore replaced; a new RRDP session starts and the key pool is wiped. The next command completes an interrupted promote. Where commits or manifests are later than the clock, --clock-is-right issues them again at the present time, as brine clock reset does.'
  static override exitStatus = {
    1: 'the directory is already the primary, or the clock is behind what was published',
    2: '--reason or confirmation missing',
    3: 'the numbers of some CAs could not be advanced yet (brine tick does that)',
    12: 'no complete revision to continue from',
  }
  static override examples = [
    '<%= config.bin %> promote --reason "host a is gone" --dry-run',
    '<%= config.bin %> promote --reason "host a is gone" --yes',
  ]
  static override flags = { ...writeFlags, ...confirmFlags, ...clockFlags }

  static override needs = [{ code: 'reason-missing', oneOf: { reason: '' } }]

  protected override async execute(): Promise<PromoteReport> {
    const { flags } = await this.parse(Promote)
    const confirmed = flags['clock-is-right'] ? { clockIsRight: true as const } : {}
    const session = await openSession({ ...this.context(flags), ...confirmed })
    const preview = await promote(session, { dryRun: true })
    if (flags['dry-run']) return preview
    const lost = preview.dropped.length === 0 ? '' : ` without commits ${preview.dropped.join(', ')}`
    await this.confirm(`${preview.dataDir} will become the primary as of commit ${preview.commit}${lost}`, flags)
    return promote(session)
  }

  protected override faults(report: PromoteReport): readonly string[] {
    return report.failed.map((f) => `${f.aggregate}: ${f.message}`)
  }

  protected override view(report: PromoteReport, theme: Theme): string {
    const { generation, commit, dropped, moved, seen, cas, serial, dryRun } = report
    const lines = [
      ...dropped.map((n) => `commit ${n} is incomplete here${dryRun ? '' : ' and was moved to quarantine'}`),
      ...moved.map((name) => theme.dim(`moved to quarantine: ${name}`)),
      ...this.faults(report).map(theme.bad),
      highWaterMarkLine(seen),
    ]
    if (dryRun) return [...lines, `would be generation ${generation} from commit ${commit}; nothing changed`].join('\n')
    const published = serial === null ? '' : `; published, serial ${serial} of a new RRDP session`
    const what = `primary, generation ${generation} from commit ${commit}`
    return [...lines, `${what}; numbers of ${counted(cas.length, 'CA')} advanced${published}`].join('\n')
  }

  protected override exitCode(report: PromoteReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}
