/** `brine audit show`: shows the state of an aggregate at a point in its history. */

import { writeDocument } from '../../core/app/operations/user-files.js'
import { type StateReport, showState } from '../../core/app/proof/states.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { archiveFlags, arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

type Report = StateReport & { readonly out: string | null }

export default class AuditShow extends BaseCommand<Report> {
  static override summary = 'show the state as of a command or a time'
  static override description = 'Replays history up to that point and prints the state.'
  static override exitStatus = {
    1: 'unknown aggregate or command, or archived elsewhere',
    12: 'history is damaged',
  }
  static override examples = [
    '<%= config.bin %> audit show ca/acme --at 12',
    '<%= config.bin %> audit show pubserver/0 --at 2026-11-21T23:20:00Z --out state.json',
  ]
  static override args = {
    aggregate: arg.text({ required: true, description: 'KIND/HANDLE, or a handle that only one has' }),
  }
  static override flags = {
    at: flag.point({
      required: true,
      description: 'sequence number (0: before the first command), RFC 3339, or 7d for seven days ago',
    }),
    ...archiveFlags,
    out: flag.path({ description: 'write the state to a new file' }),
  }

  protected override async execute(): Promise<Report> {
    const { args, flags } = await this.parse(AuditShow)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    const report = await showState(session, args.aggregate, flags.at)
    if (flags.out !== undefined) writeDocument(flags.out, `${JSON.stringify(report.state, null, 2)}\n`)
    return { ...report, out: flags.out ?? null }
  }

  protected override view(report: Report, theme: Theme): string {
    const { kind, handle, sequence, at, version, commit, stateDigest, out } = report
    const when = at === null ? 'before its first command' : `as of seq ${sequence} (${at}, commit ${commit})`
    return [
      `${theme.bold(`${kind}/${handle}`)} ${when}, version ${version}`,
      `state digest ${stateDigest}`,
      out === null ? JSON.stringify(report.state, null, 2) : `written to ${out}`,
    ].join('\n')
  }
}
