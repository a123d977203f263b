/** `brine est cert revoke`: revokes a certificate at the CA that issued it. */
import {
  findRow,
  type RevokeReport,
  revocationReason,
  revokeCertificate,
} from '../../../core/app/enrolment/certificates.js'
import { backendOf } from '../../../core/app/failover/backends.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, confirmFlags, flag, writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'

export default class EstCertRevoke extends BaseCommand<RevokeReport> {
  static override summary = 'revoke a certificate at the CA that issued it'
  static override description =
    'Asks for confirmation. For a CA with the backend file or pkcs11 the certificate is on the next CRL (brine est crl). With keyCompromise every later request for its key is refused. If the CA is no longer in the configuration, the revocation is only recorded here.'
  static override exitStatus = {
    1: 'the CA refused',
    2: 'no such certificate or not confirmed',
    15: 'the CA cannot be reached',
    18: 'the CA may have revoked it',
  }
  static override examples = ['<%= config.bin %> est cert revoke 5f3a9d --because keyCompromise --yes']
  static override args = {
    name: arg.text({ required: true, description: 'the request id or the serial of the certificate' }),
  }
  static override flags = {
    because: flag.text({
      helpValue: 'REASON',
      description: 'reason in the CRL: keyCompromise, superseded and so on (RFC 5280 section 5.3.1)',
    }),
    ...confirmFlags,
    ...writeFlags,
  }

  protected override async execute(): Promise<RevokeReport> {
    const { args, flags } = await this.parse(EstCertRevoke)
    const reason = revocationReason(flags.because ?? 'unspecified')
    const session = await openSession(this.context(flags))
    const { serial, subject, ca, state } = await findRow(session, args.name)
    const what = `certificate ${serial} of ${ca} (${subject}) will be revoked permanently`
    if (!flags['dry-run'] && state !== 'revoked') await this.confirm(what, flags)
    return revokeCertificate(session, args.name, reason, backendOf)
  }

  protected override view(report: RevokeReport, theme: Theme): string {
    const others = report.sameKey.map(
      ({ id, ca, serial }) =>
        `${serial} of ${ca} has the same key and is valid: brine est cert revoke ${id} --because keyCompromise --yes`,
    )
    return [outcomeOf(report), ...others.map(theme.paste)].join('\n')
  }
}

function outcomeOf({ ca, serial, reason, changed, dryRun, informed }: RevokeReport): string {
  if (!changed) return `${serial} is already revoked (${reason}); nothing changed`
  if (dryRun)
    return `${informed ? `${ca} would revoke ${serial}` : `${serial} would be revoked here only`}: ${reason}; dry run, nothing changed`
  if (informed) return `${ca} revoked ${serial}: ${reason}`
  return `${serial} is revoked here: ${reason}; ${ca} was not informed, and its own CRL does not change`
}
