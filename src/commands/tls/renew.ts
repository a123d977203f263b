/** `brine tls renew`: renews the HTTPS key and certificate, requests a certificate from a CA, or installs one. */
import { installTls, renewTls, requestTls, showTls, type TlsChange } from '../../core/app/operations/tls.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { confirmFlags, flag, writeFlags } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { tlsView } from '../../core/cli/views/tls.js'

export default class TlsRenew extends BaseCommand<TlsChange> {
  static override summary = 'renew the HTTPS key and certificate in ssl/, or install a certificate from a CA'
  static override description =
    'Makes a new key and a self-signed certificate, valid for ten years, for the names in the current certificate. Asks before it replaces a certificate that a CA signed. With --csr the key is kept and a certificate request for it is written; with --cert the certificate that the CA issued is installed, from a PEM file with this certificate first. After a crash either the old or the new pair is in place. Reload the web server afterwards.'
  static override exitStatus = {
    1: 'the certificate is not for the key or not valid',
  }
  static override examples = [
    '<%= config.bin %> tls renew --name rpki.example.net',
    '<%= config.bin %> tls renew --csr rpki.csr --name rpki.example.net',
    '<%= config.bin %> tls renew --cert rpki.pem && systemctl reload nginx',
  ]
  static override flags = {
    name: flag.text({ helpValue: 'HOST', multiple: true, description: 'a DNS name; repeat for several' }),
    csr: flag.path({
      description: 'write a certificate request for the current key to this new file instead',
      exclusive: ['cert'],
    }),
    cert: flag.path({ description: 'install the certificate in this file instead', exclusive: ['name'] }),
    ...writeFlags,
    ...confirmFlags,
  }

  protected override async execute(): Promise<TlsChange> {
    const { flags } = await this.parse(TlsRenew)
    const session = await openSession(this.context(flags))
    const { name: names = [], csr, cert, 'dry-run': dryRun } = flags
    if (csr !== undefined) return requestTls(session, { names, out: csr, dryRun })
    if (cert !== undefined) return installTls(session, { file: cert, dryRun })
    const current = await showTls(session)
    if (current.subject !== null && !current.selfSigned && !dryRun)
      await this.confirm(`the certificate issued by ${current.issuer} will be replaced by a self-signed one`, flags)
    return renewTls(session, { names, dryRun })
  }

  protected override view(report: TlsChange, theme: Theme): string {
    if (report.dryRun) return `would be for ${report.names.join(' ')}; dry run, nothing changed`
    if (report.changed) return `${tlsView(report, theme)}\nrenewed; reload the web server`
    return `wrote a certificate request for ${report.names.join(' ')}; nothing changed`
  }
}
