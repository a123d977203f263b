/** `brine ha drain`: takes a CA out of service. */
import { assertReason, drain, lastOf, type OverrideReport } from '../../core/app/failover/override.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, confirmFlags, flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { overrideLine } from '../../core/cli/views/override.js'

export default class HaDrain extends BaseCommand<OverrideReport> {
  static override summary = 'take a CA out of service, for a time or until it is resumed'
  static override description =
    'The CA gets no requests but is still probed. --reason is required. Asks for confirmation if the CA is the last available one of a group.'
  static override exitStatus = {
    2: 'no reason, unknown CA or not confirmed',
  }
  static override examples = ['<%= config.bin %> ha drain hsm-ca --reason "firmware" --for 2h']
  static override args = { ca: arg.text({ required: true, description: 'the id of a [[ca]]' }) }
  static override flags = {
    for: flag.duration({ min: 1, description: 'put it back into service after this time' }),
    maintenance: flag.boolean({ description: 'show it as maintenance' }),
    ...confirmFlags,
    ...writeFlags,
  }

  static override needs = [{ code: 'ha-reason-missing', oneOf: { reason: '' } }]

  protected override async execute(): Promise<OverrideReport> {
    const { flags, args } = await this.parse(HaDrain)
    const session = await openSession(this.context(flags))
    assertReason(session)
    const groups = await lastOf(session, args.ca)
    const named = `${groups.length > 1 ? 'groups' : 'group'} ${groups.join(', ')}`
    if (groups.length > 0 && !flags['dry-run'])
      await this.confirm(`${args.ca} is the last available CA in ${named}`, flags)
    return drain(session, args.ca, { for: flags.for, maintenance: flags.maintenance })
  }

  protected override view(report: OverrideReport, theme: Theme): string {
    return changedView(report.changes, overrideLine(report, theme), theme)
  }
}
