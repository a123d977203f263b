/** `brine est csrattrs`: shows what a request for a label must contain. */
import { type CsrAttributesReport, describeCsrAttributes } from '../../core/app/enrolment/ca-certificates.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class EstCsrattrs extends BaseCommand<CsrAttributesReport> {
  static override summary = 'show what a request for a label must contain, and what its profile allows'
  static override description =
    'With --json also the CsrAttrs that clients get (RFC 7030 section 4.5.2), as base64 of the DER.'
  static override examples = ['<%= config.bin %> est csrattrs device']
  static override args = { label: arg.text({ required: true, description: 'the name of an [[est.label]]' }) }

  protected override async execute(): Promise<CsrAttributesReport> {
    const { args, flags } = await this.parse(EstCsrattrs)
    return describeCsrAttributes(await openSession(this.context(flags)), args.label)
  }

  protected override view({ label, profile, rules }: CsrAttributesReport, theme: Theme): string {
    const table = theme.table({
      columns: ['RULE', { title: 'VALUE', rank: 'whole' }],
      rows: rules.map(({ rule, value }) => [rule, value]),
    })
    return `${theme.bold(label)}: profile ${profile}\n${table}`
  }
}
