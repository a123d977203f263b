/** `brine audit checkpoint`: signs a note over the complete history, to be stored elsewhere. */

import { writeDocument } from '../../core/app/operations/user-files.js'
import { type CheckpointReport, makeCheckpoint } from '../../core/app/proof/checkpoint.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'

export default class AuditCheckpoint extends BaseCommand<CheckpointReport & { readonly out: string | null }> {
  static override summary = 'sign a checkpoint over the complete history'
  static override description =
    'The root of the RFC 6962 tree over all commits as a C2SP checkpoint. Store it on another machine: an audit alone proves that a history is complete, a checkpoint proves that it was only extended since.'
  static override exitStatus = {
    1: 'no signing key',
    12: 'the commits are damaged',
  }
  static override examples = [
    '<%= config.bin %> audit checkpoint --out monday.note',
    '<%= config.bin %> audit checkpoint | mail -s checkpoint auditor@example.net',
  ]
  static override flags = { out: flag.path({ description: 'write it to a new file' }) }

  protected override async execute(): Promise<CheckpointReport & { readonly out: string | null }> {
    const { flags } = await this.parse(AuditCheckpoint)
    const report = await makeCheckpoint(await openSession(this.context(flags)))
    if (flags.out !== undefined) writeDocument(flags.out, report.note)
    return { ...report, out: flags.out ?? null }
  }

  protected override view(report: CheckpointReport & { readonly out: string | null }): string {
    return report.out === null ? report.note.trimEnd() : `written to ${report.out}: ${counted(report.size, 'commit')}`
  }
}
