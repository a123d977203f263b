/** `brine est cacerts`: prints the certificates of every CA of a label. */

import { caCertificates } from '../../core/app/enrolment/ca-certificates.js'
import { certificatesPem } from '../../core/app/enrolment/documents.js'
import { backendOf } from '../../core/app/failover/backends.js'
import { writeDocument } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'

interface CaCertificatesReport {
  readonly label: string
  readonly certificates: number
  readonly pem: string
  readonly out: string | null
}

export default class EstCacerts extends BaseCommand<CaCertificatesReport> {
  static override summary = 'print the certificates of every CA of a label'
  static override description =
    'The chains of all CAs of the group, each certificate once: a client that trusts them accepts a certificate of any of the CAs (RFC 7030 section 4.1). Calls no CA.'
  static override examples = ['<%= config.bin %> est cacerts device --out cacerts.pem']
  static override args = { label: arg.text({ required: true, description: 'the name of an [[est.label]]' }) }
  static override flags = { out: flag.path({ description: 'write them to a new file' }) }

  protected override async execute(): Promise<CaCertificatesReport> {
    const { args, flags } = await this.parse(EstCacerts)
    const found = await caCertificates(await openSession(this.context(flags)), args.label, backendOf)
    const pem = certificatesPem(found)
    if (flags.out !== undefined) writeDocument(flags.out, pem)
    return { label: args.label, certificates: found.length, pem, out: flags.out ?? null }
  }

  protected override view({ pem, certificates, out }: CaCertificatesReport): string {
    return out === null
      ? pem.trimEnd()
      : `${certificates} certificate${certificates === 1 ? '' : 's'} written to ${out}`
  }
}
