/** `brine roa list`: lists the configured ROAs and their state. */
import { listRoas, type RoaListReport } from '../../core/app/authority/roas.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class RoaList extends BaseCommand<RoaListReport> {
  static override summary = 'list the ROAs of a CA'
  static override description =
    'States: published; pending (not issued yet); notHeld (configured, but the CA does not hold the prefix).'
  static override examples = ['<%= config.bin %> roa list acme', '<%= config.bin %> roa list acme --json']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }

  protected override async execute(): Promise<RoaListReport> {
    const { args, flags } = await this.parse(RoaList)
    return listRoas(await openSession(this.context(flags)), args.ca)
  }

  protected override view(report: RoaListReport, theme: Theme): string {
    if (report.roas.length === 0) return theme.dim(`${report.ca} has no ROAs`)
    return theme.table({
      columns: [
        { title: 'PREFIX', rank: 3 },
        { title: 'MAX', align: 'right' },
        { title: 'ASN', rank: 3 },
        { title: 'STATE', rank: 3 },
        { title: 'NOTE', rank: 1 },
      ],
      rows: report.roas.map((roa) => [
        roa.prefix,
        roa.maxLength,
        `AS${roa.asn}`,
        roa.state === 'published' ? roa.state : theme.caution(roa.state),
        roa.comment ?? '',
      ]),
    })
  }
}
