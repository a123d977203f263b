/** `brine inspect`: shows the content of RPKI objects, and every finding with the section of the RFC. */
import { type InspectReport, inspectFiles } from '../core/app/operations/inspect.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, flag } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'
import { inspectionView } from '../core/cli/views/inspection.js'

export default class Inspect extends BaseCommand<InspectReport> {
  static override summary = 'show the content of RPKI objects and every error in them'
  static override description =
    'Decodes TALs, certificates, CRLs, manifests, ROAs, ASPAs, checklists (RSC), trust anchor keys (TAK), prefix lists (SPL) and ghostbusters records. Files given together are checked against each other: TAL and certificate, signatures, resources, revocation, hashes on the manifest. What breaks a rule is a fault; what validators accept nevertheless, and what is legal but refused by rpki-client 9.7, is a remark. Needs no data directory.'
  static override exitStatus = {
    0: 'no faults',
    1: 'faults, with --strict also remarks',
  }
  static override examples = [
    '<%= config.bin %> inspect AS64496.roa',
    '<%= config.bin %> inspect ta.tal ta.cer *.mft *.crl *.roa --json',
  ]
  static override args = { file: arg.path({ required: true, multiple: true, description: 'one or more files' }) }
  static override flags = {
    at: flag.moment({ description: 'check as of this time (default: now)' }),
    strict: flag.boolean({ description: 'exit 1 for remarks too' }),
  }

  static override opensDataDir = false

  protected override async execute(): Promise<InspectReport> {
    const { args, flags } = await this.parse(Inspect)
    return inspectFiles(args.file, flags.at, flags.strict)
  }

  protected override view(report: InspectReport, theme: Theme): string {
    return report.files.map((file) => inspectionView(file, theme)).join('\n\n')
  }

  protected override exitCode(report: InspectReport): number {
    return report.ok ? 0 : EXIT_CODES.rejected
  }
}
