/** `brine roa add`: route origin authorizations, one set, one command. */
import { roaArguments } from '../../core/app/roa-set.js'
import { type RoaUpdateReport, updateRoas } from '../../core/app/roas.js'
import { openSession } from '../../core/app/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../core/cli/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { delta } from '../../core/cli/output/endings.js'

export default class RoaAdd extends BaseCommand<RoaUpdateReport> {
  static override summary = 'add ROAs to a CA'
  static override examples = [
    '<%= config.bin %> roa add acme "192.0.2.0/24-28 => 64496 # office"',
    '<%= config.bin %> roa add acme 192.0.2.0/24=AS64496 2001:db8::/32-48=AS64496 --dry-run',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    roa: arg.text({ required: true, multiple: true, description: '"PREFIX-MAXLENGTH => ASN # note", several at once' }),
  }
  static override flags = {
    ...writeFlags,
    idempotent: flag.boolean({ description: 'what is already so is no fault' }),
  }

  protected override async execute(): Promise<RoaUpdateReport> {
    const { args, flags } = await this.parse(RoaAdd)
    const set = roaArguments({ add: args.roa })
    const session = await openSession(this.context(flags))
    return updateRoas(session, args.ca, set, { dryRun: flags['dry-run'], idempotent: flags.idempotent })
  }

  protected override view(report: RoaUpdateReport): string {
    return changeEnding(report.ca, report, delta(report.added.length, report.removed.length, 'ROA'))
  }
}
