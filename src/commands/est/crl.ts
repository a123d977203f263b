/** `brine est crl`: signs the CRL of a CA. */

import { type CrlReport, signCrl } from '../../core/app/enrolment/crl.js'
import { crlPem } from '../../core/app/enrolment/documents.js'
import { backendOf } from '../../core/app/failover/backends.js'
import {
  assertCanReplace,
  assertNotReplaced,
  replaceDocument,
  writeDocument,
} from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../core/cli/flags/flags.js'

interface CrlDocument extends Omit<CrlReport, 'crl'> {
  readonly pem: string | null
  readonly out: string | null
}

const WEEK = 7 * 86_400

export default class EstCrl extends BaseCommand<CrlDocument> {
  static override summary = 'sign the certificate revocation list (CRL) of a CA'
  static override description =
    'For CAs with the backend file or pkcs11; the others publish their own CRL. Each CRL has the next number. Prints PEM, as web servers read it (ssl_crl); --der writes what clients fetch from crl_url (RFC 2585). Cron replaces that file with --replace, or tick keeps it in crl_path.'
  static override exitStatus = {
    2: 'the CA publishes its own CRL',
    15: 'the CA cannot sign',
    19: 'the CA cannot sign: its PIN or key',
  }
  static override examples = [
    '<%= config.bin %> est crl backup-ca --next 7d --out backup-ca.crl.pem',
    '<%= config.bin %> est crl backup-ca --der --out /var/www/crl/backup-ca.crl --replace --quiet',
  ]
  static override args = { ca: arg.text({ required: true, description: 'the id of a [[ca]]' }) }
  static override flags = {
    ...writeFlags,
    next: flag.duration({ min: 60, description: 'time until the next CRL is due (default 7d)' }),
    out: flag.path({ description: 'write the CRL to a new file' }),
    der: flag.boolean({ description: 'with --out: write DER instead of PEM', dependsOn: ['out'] }),
    replace: flag.boolean({
      description: 'with --out: replace the file at once, readable by all if it is new, else with its mode',
      dependsOn: ['out'],
    }),
  }

  /** The CRL is data, also with --quiet. */
  protected override get changes(): boolean {
    return false
  }

  protected override async execute(): Promise<CrlDocument> {
    const { args, flags } = await this.parse(EstCrl)
    if (flags.replace && flags.out !== undefined) assertCanReplace(flags.out)
    else assertNotReplaced(flags.out)
    const session = await openSession(this.context(flags))
    const { crl, ...report } = await signCrl(session, args.ca, flags.next ?? WEEK, backendOf)
    const text = crl === null ? null : crlPem(crl)
    const write = flags.replace ? replaceDocument : writeDocument
    if (flags.out !== undefined && crl !== null && text !== null) write(flags.out, flags.der ? crl : text)
    return { ...report, pem: text, out: flags.out ?? null }
  }

  protected override view({ ca, number, revoked, nextUpdate, pem: text, out }: CrlDocument): string {
    const line = `${ca}: CRL ${number}, ${revoked} revoked, next by ${nextUpdate}`
    if (text === null) return `${line}; dry run, nothing changed`
    return out === null ? text.trimEnd() : `${line}; written to ${out}`
  }
}
