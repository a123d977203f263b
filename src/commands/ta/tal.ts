/** `brine ta tal`: prints the trust anchor locator (RFC 8630) for validators. */
import { showTal, type TalReport } from '../../core/app/authority/trust-anchor.js'
import { writePublicDocument } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag } from '../../core/cli/flags/flags.js'

export default class TaTal extends BaseCommand<TalReport> {
  static override summary = 'print the trust anchor locator'
  static override examples = ['<%= config.bin %> ta tal --out ta.tal']
  static override flags = { out: flag.path({ description: 'write it to a new file' }) }

  protected override async execute(): Promise<TalReport> {
    const { flags } = await this.parse(TaTal)
    const report = await showTal(await openSession(this.context(flags)))
    if (flags.out !== undefined) writePublicDocument(flags.out, report.tal)
    return { ...report, out: flags.out ?? null }
  }

  protected override view(report: TalReport): string {
    return report.out === null ? report.tal.trimEnd() : `written to ${report.out}`
  }
}
