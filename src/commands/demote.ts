/** `brine demote`: makes a primary a read-only stand-by. */
import { type DemoteReport, demote } from '../core/app/operations/promote.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag, writeFlags } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'

/** Scripts that add `--yes` to each of promote and demote run: this one never asks. */
const declaredFlags = {
  yes: flag.boolean({ description: 'accepted as with promote: demote never asks' }),
}

export default class Demote extends BaseCommand<DemoteReport> {
  static override summary = 'make this primary a read-only stand-by'
  static override description = 'For a planned move: demote here, copy the directory, promote there.'
  static override exitStatus = {
    1: 'the directory was made by init --test',
    2: '--reason missing',
    20: 'it is a stand-by already',
  }
  static override examples = ['<%= config.bin %> demote --reason "moving to host b"']
  static override flags = { ...writeFlags, ...declaredFlags }

  static override needs = [{ code: 'reason-missing', oneOf: { reason: '' } }]

  protected override async execute(): Promise<DemoteReport> {
    const { flags } = await this.parse(Demote)
    return demote(await openSession(this.context(flags)), { dryRun: flags['dry-run'] })
  }

  protected override view(report: DemoteReport, theme: Theme): string {
    if (report.dryRun) return `${report.dataDir} would become a stand-by; nothing changed`
    const undo = theme.paste('undo with: brine promote --reason TEXT')
    return `${report.dataDir} is now a stand-by, generation ${report.generation}; ${undo}`
  }
}
