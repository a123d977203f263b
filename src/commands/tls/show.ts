/** `brine tls show`: the HTTPS pair that the web server in front reads. */

import { showTls, type TlsReport } from '../../core/app/operations/tls.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { tlsView } from '../../core/cli/output/tls.js'

export default class TlsShow extends BaseCommand<TlsReport> {
  static override summary = 'show the HTTPS certificate in ssl/, and what is wrong with the pair'
  static override description =
    'Changes nothing. Exit codes: 0 the pair is good, 1 it is missing, expired or within 30 days of it, the key is not its own, or others can read the key.'
  static override examples = ['<%= config.bin %> tls show', '<%= config.bin %> tls show --json']

  protected override async execute(): Promise<TlsReport> {
    const { flags } = await this.parse(TlsShow)
    return showTls(await openSession(this.context(flags)))
  }

  protected override exitCode(report: TlsReport): number {
    return report.problems.length === 0 ? 0 : 1
  }

  protected override view(report: TlsReport, theme: Theme): string {
    return tlsView(report, theme)
  }
}
