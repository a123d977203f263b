/** `brine ha resume`: gives a CA back to its groups. */
import { backendOf } from '../../core/app/failover/backends.js'
import { type OverrideReport, resume } from '../../core/app/failover/override.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, writeFlags } from '../../core/cli/flags/flags.js'
import { overrideLine } from '../../core/cli/output/override.js'

export default class HaResume extends BaseCommand<OverrideReport> {
  static override summary = 'give a CA back: ends a drain and closes an open circuit, once a check has passed'
  static override description =
    'The check is one probe, before its time too. Exit codes: 0, 2 no such CA, 11 another process probes it, 15 the check failed and nothing has changed.'
  static override examples = ['<%= config.bin %> ha resume hsm-ca']
  static override args = { ca: arg.text({ required: true, description: 'the id of a [[ca]]' }) }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<OverrideReport> {
    const { flags, args } = await this.parse(HaResume)
    return resume(await openSession(this.context(flags)), args.ca, backendOf)
  }

  protected override view(report: OverrideReport): string {
    return overrideLine(report)
  }
}
