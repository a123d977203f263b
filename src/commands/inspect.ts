/** `brine inspect`: shows the content of RPKI objects and of what peers exchange, and every finding with the section of the RFC. */
import { type InspectReport, inspectFiles } from '../core/app/operations/inspect.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, flag } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'
import { inspectionView } from '../core/cli/views/inspection.js'

export default class Inspect extends BaseCommand<InspectReport> {
  static override summary = 'show RPKI objects and messages of peers, and every error in them'
  static override description =
    'Decodes TALs, certificates, CRLs, manifests, ROAs, ASPAs, checklists (RSC), trust anchor keys (TAK), prefix lists (SPL) and ghostbusters records. Files given together are checked against each other: TAL and certificate, signatures, resources, revocation, hashes on the manifest. What breaks a rule is a fault; what validators accept nevertheless, and what is legal but refused by rpki-client 9.7, is a remark. Also reads what peers exchange: RFC 8183 files, ID certificates, and RFC 6492 and RFC 8181 messages in CMS (DER, base64 or PEM) or as bare XML, such as the files of exchange_log_dir. A message is checked as of its exchange: the time in the name of a logged file, otherwise its signing time. Needs no data directory.'
  static override exitStatus = {
    0: 'no faults',
    1: 'faults, with --strict also remarks',
  }
  static override examples = [
    '<%= config.bin %> inspect AS64496.roa',
    '<%= config.bin %> inspect ta.tal ta.cer *.mft *.crl *.roa --json',
    {
      description: 'a message that a peer refused, verified with the RFC 8183 file of its sender',
      command: '<%= config.bin %> inspect message.cms --peer parent-response.xml',
    },
  ]
  static override args = { file: arg.path({ required: true, multiple: true, description: 'one or more files' }) }
  static override flags = {
    at: flag.moment({ description: 'check as of this time (default: now; a message: the time of its exchange)' }),
    peer: flag.path({
      multiple: true,
      description: 'verify messages with this peer: its RFC 8183 file, or its ID certificate in DER or PEM; repeatable',
    }),
    strict: flag.boolean({ description: 'exit 1 for remarks too' }),
  }

  static override opensDataDir = false

  protected override async execute(): Promise<InspectReport> {
    const { args, flags } = await this.parse(Inspect)
    return inspectFiles(args.file, { moment: flags.at, strict: flags.strict, peers: flags.peer ?? [] })
  }

  protected override view(report: InspectReport, theme: Theme): string {
    return report.files.map((file) => inspectionView(file, theme)).join('\n\n')
  }

  protected override exitCode(report: InspectReport): number {
    return report.ok ? 0 : EXIT_CODES.rejected
  }
}
