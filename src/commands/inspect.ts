/** `brine inspect`: shows the content of RPKI objects, and every finding with the section of the RFC. */
import { type InspectReport, inspectFiles } from '../core/app/operations/inspect.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, flag } from '../core/cli/flags/flags.js'
import { inspectionView } from '../core/cli/output/inspection.js'
import type { Theme } from '../core/cli/output/theme.js'

export default class Inspect extends BaseCommand<InspectReport> {
  static override summary = 'show the content of RPKI objects and every error in them'
  static override description =
    'Decodes TALs, certificates, CRLs, manifests, ROAs and ASPAs; as strict as rpki-client 9.7, and stricter where validators only warn. Needs no data directory.'
  static override exitStatus = {
    0: 'no errors',
    1: 'errors found',
  }
  static override examples = ['<%= config.bin %> inspect AS64496.roa', '<%= config.bin %> inspect *.cer --json']
  static override args = { file: arg.path({ required: true, multiple: true, description: 'one or more files' }) }
  static override flags = { at: flag.moment({ description: 'check as of this time (default: now)' }) }

  protected override async execute(): Promise<InspectReport> {
    const { args, flags } = await this.parse(Inspect)
    return inspectFiles(args.file, flags.at)
  }

  protected override view(report: InspectReport, theme: Theme): string {
    return report.files.map((file) => inspectionView(file, theme)).join('\n\n')
  }

  protected override exitCode(report: InspectReport): number {
    return report.ok ? 0 : EXIT_CODES.rejected
  }
}
