/** `brine ha drain`: takes a CA out of use. */
import { drain, lastOf, type OverrideReport } from '../../core/app/failover/override.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { overrideLine } from '../../core/cli/output/override.js'

export default class HaDrain extends BaseCommand<OverrideReport> {
  static override summary = 'take a CA out of use, for a time or until it is resumed'
  static override description =
    'No request goes to it; probes go on. Wants --reason. Asks when the CA is the last one that serves a group. Exit codes: 0, 1 no reason, 2 no such CA or not confirmed.'
  static override examples = ['<%= config.bin %> ha drain hsm-ca --reason "firmware" --for 2h']
  static override args = { ca: arg.text({ required: true, description: 'the id of a [[ca]]' }) }
  static override flags = {
    for: flag.duration({ min: 1, description: 'it comes back by itself after this long' }),
    maintenance: flag.boolean({ description: 'call it maintenance in what is shown' }),
    ...confirmFlags,
    ...writeFlags,
  }

  protected override async execute(): Promise<OverrideReport> {
    const { flags, args } = await this.parse(HaDrain)
    const session = await openSession(this.context(flags))
    const alone = await lastOf(session, args.ca)
    if (alone.length > 0 && !flags['dry-run'])
      await this.confirm(`nobody but ${args.ca} serves ${alone.join(', ')}`, flags)
    return drain(session, args.ca, { for: flags.for, maintenance: flags.maintenance })
  }

  protected override view(report: OverrideReport): string {
    return overrideLine(report)
  }
}
