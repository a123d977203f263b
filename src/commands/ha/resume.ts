/** `brine ha resume`: puts a CA back into service. */
import { backendOf } from '../../core/app/failover/backends.js'
import { type OverrideReport, resume } from '../../core/app/failover/override.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, writeFlags } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { overrideLine } from '../../core/cli/views/override.js'

export default class HaResume extends BaseCommand<OverrideReport> {
  static override summary = 'put a CA back into service after a successful probe'
  static override description = 'Ends a drain and closes an open circuit. The CA is probed once, even before it is due.'
  static override exitStatus = {
    2: 'unknown CA',
    11: 'another process is probing it',
    15: 'the probe failed and nothing has changed',
  }
  static override examples = ['<%= config.bin %> ha resume hsm-ca']
  static override args = { ca: arg.text({ required: true, description: 'the id of a [[ca]]' }) }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<OverrideReport> {
    const { flags, args } = await this.parse(HaResume)
    return resume(await openSession(this.context(flags)), args.ca, backendOf)
  }

  protected override view(report: OverrideReport, theme: Theme): string {
    return overrideLine(report, theme)
  }
}
