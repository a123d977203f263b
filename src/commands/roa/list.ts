/** `brine roa list`: lists the configured ROAs and their state. */
import { listRoas, type RoaListReport } from '../../core/app/authority/roas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { roaCsvView, roaListView } from '../../core/cli/roa-views/roa-list.js'

export default class RoaList extends BaseCommand<RoaListReport> {
  static override summary = 'list the ROAs of a CA'
  static override description =
    'States: published; pending (not issued yet, or the repository elsewhere has not confirmed the newest objects of the CA); suspended (a parent in this data directory has suspended the CA or one above it, so relying parties do not find it); notHeld (configured, but the CA does not hold the prefix); scheduled (added at the time FROM). The CSV has no ROAs that are scheduled, and no dates.'
  static override examples = [
    '<%= config.bin %> roa list acme --prefix 192.0.2.0/24',
    '<%= config.bin %> roa list acme --csv > roas.csv',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    asn: flag.asn({ description: 'only ROAs of this AS' }),
    prefix: flag.prefix({ description: 'only ROAs whose prefix covers this one or lies in it' }),
    csv: flag.boolean({ description: 'print CSV, which roa add, remove and replace read', exclusive: ['json'] }),
  }

  #csv = false

  protected override async execute(): Promise<RoaListReport> {
    const { args, flags } = await this.parse(RoaList)
    this.#csv = flags.csv
    const { asn, prefix } = flags
    return listRoas(await openSession(this.context(flags)), args.ca, { asn, prefix })
  }

  protected override view(report: RoaListReport, theme: Theme): string {
    return this.#csv ? roaCsvView(report) : roaListView(report, theme)
  }
}
