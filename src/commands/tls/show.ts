/** `brine tls show`: shows the HTTPS key and certificate for the web server. */
import { showTls, type TlsReport } from '../../core/app/operations/tls.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { tlsView } from '../../core/cli/views/tls.js'

export default class TlsShow extends BaseCommand<TlsReport> {
  static override summary = 'show the HTTPS certificate in ssl/, and problems of certificate and key'
  static override description = 'Changes nothing.'
  static override exitStatus = {
    0: 'no problems',
    1: 'the certificate is missing, has expired or expires within 30 days, the key does not match it, or others can read the key',
  }
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
