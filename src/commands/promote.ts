/** `brine promote`: this directory writes from now on. */
import { type PromoteReport, promote } from '../core/app/operations/promote.js'
import { openSession } from '../core/app/transaction/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { confirmFlags, writeFlags } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'
import type { Theme } from '../core/cli/output/theme.js'

function seenLine({ asked, manifestNumber, at }: PromoteReport['seen']): string {
  const ahead = 'numbers jump to the Unix time'
  if (asked.length === 0) return `no served tree here says what the world has seen: ${ahead}`
  const number = manifestNumber === null ? 'no manifest number' : `manifest number ${manifestNumber}`
  return `asked the ${asked.join(' and the ')}: it shows ${number}${at === null ? '' : `, last at ${at}`}; ${ahead}, beyond it`
}

export default class Promote extends BaseCommand<PromoteReport> {
  static override summary = 'make this stand-by the primary: it writes, all others must not'
  static override description =
    'First make sure that no other primary lives. Manifest and CRL numbers jump to the Unix time and beyond what the served tree, or a tree that a restore replaced, shows; a new RRDP session begins, the key pool is wiped. A promote that was cut short is completed by the next command. Exit codes: 0 done, 1 it is the primary already, or the clock is behind what the world has seen, 2 --reason or confirmation missing, 3 some CAs could not jump and wait for brine tick, 12 nothing whole to go on from.'
  static override examples = [
    '<%= config.bin %> promote --reason "host a is gone" --dry-run',
    '<%= config.bin %> promote --reason "host a is gone" --yes',
  ]
  static override flags = { ...writeFlags, ...confirmFlags }

  protected override async execute(): Promise<PromoteReport> {
    const { flags } = await this.parse(Promote)
    const session = await openSession(this.context(flags))
    const preview = await promote(session, { dryRun: true })
    if (flags['dry-run']) return preview
    const lost = preview.dropped.length === 0 ? '' : ` without commits ${preview.dropped.join(', ')}`
    await this.confirm(`${preview.dataDir} becomes the primary as of commit ${preview.commit}${lost}`, flags)
    return promote(session)
  }

  protected override faults(report: PromoteReport): readonly string[] {
    return report.failed.map((f) => `${f.aggregate}: ${f.message}`)
  }

  protected override view(report: PromoteReport, theme: Theme): string {
    const { generation, commit, dropped, moved, seen, cas, serial, dryRun } = report
    const lines = [
      ...dropped.map((n) => `commit ${n} is not whole here${dryRun ? '' : ' and was moved aside'}`),
      ...moved.map((name) => theme.dim(`moved aside: ${name}`)),
      ...this.faults(report).map(theme.bad),
      seenLine(seen),
    ]
    if (dryRun) return [...lines, `would be generation ${generation} from commit ${commit}; nothing changed`].join('\n')
    const published = serial === null ? '' : `; published, serial ${serial} of a new RRDP session`
    const what = `primary, generation ${generation} from commit ${commit}`
    return [...lines, `${what}; numbers of ${counted(cas.length, 'CA')} jumped${published}`].join('\n')
  }

  protected override exitCode(report: PromoteReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}
