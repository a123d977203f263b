/** `brine aspa list`: lists the configured ASPAs and their state. */
import { type AspaListReport, listAspas } from '../../core/app/authority/aspas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { aspaListView } from '../../core/cli/views/aspas.js'

export default class AspaList extends BaseCommand<AspaListReport> {
  static override summary = 'list the ASPAs of a CA'
  static override description =
    'States: published; pending (not issued yet, or the repository elsewhere has not confirmed the newest objects of the CA); suspended (a parent in this data directory has suspended the CA or one above it, so relying parties do not find it); notHeld (configured, but the CA does not hold the customer AS).'
  static override examples = ['<%= config.bin %> aspa list acme']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }

  protected override async execute(): Promise<AspaListReport> {
    const { args, flags } = await this.parse(AspaList)
    return listAspas(await openSession(this.context(flags)), args.ca)
  }

  protected override view(report: AspaListReport, theme: Theme): string {
    return aspaListView(report, theme)
  }
}
