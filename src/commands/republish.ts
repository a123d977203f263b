/** `brine republish`: issues manifests, CRLs and renewals that are due; writes nothing if none are. */

import { republishRepaired } from '../core/app/recovery/force.js'
import type { RepublishReport } from '../core/app/republishing/republish.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, changeFlags, flag } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'

export default class Republish extends BaseCommand<RepublishReport> {
  static override summary = 'issue and publish what is due'
  static override exitStatus = {
    0: 'done, also if nothing was due',
    3: 'some CAs could not be published',
  }
  static override examples = ['<%= config.bin %> republish', '<%= config.bin %> republish acme --now']
  static override args = { ca: arg.handle({ multiple: true, description: 'only these CAs; default: all' }) }
  static override flags = { ...changeFlags, now: flag.boolean({ description: 'also re-issue what is not due' }) }

  protected override async execute(): Promise<RepublishReport> {
    const { args, flags } = await this.parse(Republish)
    const handles = args.ca ?? []
    const session = await openSession(this.context(flags))
    return republishRepaired(session, {
      ...(handles.length === 0 ? {} : { handles }),
      force: flags.now,
      dryRun: flags['dry-run'],
    })
  }

  protected override faults(report: RepublishReport): readonly string[] {
    return report.failed.map((f) => `${f.ca}: ${f.message}`)
  }

  protected override view(report: RepublishReport): string {
    const lines = this.faults(report)
    const due = report.nextDue === null ? '' : `; next due ${report.nextDue}`
    if (report.republished.length === 0 && !report.changed)
      return [...lines, `${lines.length === 0 ? 'nothing due' : 'nothing republished'}${due}`].join('\n')
    const serial = report.serial === null ? '' : `; published, serial ${report.serial}`
    return [...lines, `${counted(report.republished.length, 'CA')} republished${serial}${due}`].join('\n')
  }

  protected override exitCode(report: RepublishReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}
