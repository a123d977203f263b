/** `brine audit verify`: verifies the data directory by replay. */
import type { AuditReport } from '../../core/app/proof/audit.js'
import { digestLine } from '../../core/app/proof/digest.js'
import { verifyExport } from '../../core/app/proof/export.js'
import { auditAndRecord } from '../../core/app/proof/last-audit.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { archiveFlags, arg, flag } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'
import { findingsView } from '../../core/cli/output/findings.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class AuditVerify extends BaseCommand<AuditReport> {
  static override summary = 'verify history by replay from the first event'
  static override description =
    'Verifies by hash the chain of commits, every command record, event and snapshot; replays the events and compares the states; checks every published object, the private keys that states refer to, and the published tree. Only events of archived commands that only published may be absent, if their record is kept and a commit names them. A checkpoint stored elsewhere proves that history was only extended since. The last line is the digest. A published tree that lags behind the last commit, after a crash, a full disk, a restore or while another primary writes it, is one line and exit code 17; only what no commit explains is a finding. Takes no lock, unless it finds something while other commands run: then it checks again under the lock.'
  static override exitStatus = {
    0: 'no findings',
    2: 'a file is not a checkpoint or export',
    12: 'findings, each with its file',
    17: 'no findings, but the published tree is not the newest yet',
  }
  static override examples = [
    '<%= config.bin %> audit verify',
    '<%= config.bin %> audit verify --full --archive /mnt/archive --json',
    '<%= config.bin %> audit verify --checkpoint /mnt/elsewhere/monday.note',
    '<%= config.bin %> audit verify history.jsonl',
  ]
  static override args = {
    export: arg.path({ description: 'a file written by audit export; no data directory needed' }),
  }
  static override flags = {
    full: flag.boolean({ description: 'require archived files to be present' }),
    checkpoint: flag.path({ multiple: true, description: 'a checkpoint stored elsewhere; repeatable' }),
    'verifier-key': flag.text({
      helpValue: 'KEY',
      multiple: true,
      description: "verifier key printed by audit key init; default: the directory's own key; repeatable",
    }),
    ...archiveFlags,
  }

  #isExport = false

  static override opensDataDir = false

  protected override async execute(): Promise<AuditReport> {
    const { args, flags } = await this.parse(AuditVerify)
    const { full, checkpoint, 'verifier-key': keys } = flags
    const options = { full: full === true, checkpoints: checkpoint ?? [], verifierKeys: keys ?? [] }
    // nothing of a data directory is asked for, so none is needed
    this.#isExport = args.export !== undefined
    if (args.export !== undefined)
      return verifyExport(args.export, options, this.context({ ...flags, 'data-dir': '' }).onProgress)
    return auditAndRecord(await openSession({ ...this.context(flags), archives: flags.archive ?? [] }), options)
  }

  protected override view(report: AuditReport, theme: Theme): string {
    const faults = [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
    const table = theme.table({
      columns: [
        { title: 'AGGREGATE', cut: 'middle' },
        { title: 'COMMANDS', align: 'right' },
        { title: 'EVENTS', align: 'right' },
        { title: 'ARCHIVED', align: 'right' },
        { title: 'STATE', rank: 1 },
        { title: 'VERIFIED', rank: 3 },
      ],
      rows: report.aggregates.map((a) => [
        `${a.kind}/${a.handle}`,
        a.commands,
        a.events,
        a.archived,
        a.stateDigest ?? '-',
        a.problems.length > 0
          ? theme.bad(counted(a.problems.length, 'fault'))
          : a.verifiedFrom === 0
            ? 'from the first event'
            : `from version ${a.verifiedFrom}`,
      ]),
    })
    const shown = faults.map(({ file, path, problem }) => ({
      place: path === '$' ? file : `${file} ${path}`,
      message: problem,
    }))
    const sum = report.ok
      ? theme.good(`${counted(report.commits, 'commit')} verified`)
      : theme.bad(`${counted(faults.length, 'finding')} in ${counted(report.commits, 'commit')}`)
    const last = report.digest === null ? 'no digest: a state could not be computed' : digestLine(report.digest)
    const notes = [
      ...report.checkpoints.map((c) =>
        c.ok ? `${c.file}: history was only extended since its ${counted(c.size, 'commit')}` : '',
      ),
      ...report.skipped.map((line) => theme.dim(line)),
    ]
    const next =
      report.ok || this.#isExport
        ? ''
        : theme.dim(theme.paste('next: brine recover --dry-run, with --from BACKUP for files that a backup has'))
    const pending =
      report.pending === null ? '' : theme.caution(theme.paste(`${report.pending.message}: ${report.pending.hint}`))
    return [table, findingsView(shown, theme), ...notes, pending, next, sum, last]
      .filter((line) => line !== '')
      .join('\n')
  }

  protected override exitCode(report: AuditReport): number {
    if (!report.ok) return EXIT_CODES.corrupt
    return report.pending === null ? 0 : EXIT_CODES.pending
  }
}
