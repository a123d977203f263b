/** `brine audit verify`: the proof by replay. */
import { type AuditReport, auditVerify } from '../../core/app/proof/audit.js'
import { digestLine } from '../../core/app/proof/digest.js'
import { verifyExport } from '../../core/app/proof/export.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { archiveFlags, arg, flag } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'
import { faultsView } from '../../core/cli/output/faults.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class AuditVerify extends BaseCommand<AuditReport> {
  static override summary = 'replay everything from the first event and compare'
  static override description =
    'Compares the chain of commits, every command record, event and kept snapshot by hash, the state that the events make, every published object, the private keys that the states name and the served tree. A checkpoint kept elsewhere shows that history since then only grew. The last line is the digest. It takes no lock, unless something looks wrong while other commands are at work: then it looks again. Exit codes: 0 all right, 2 a file is no checkpoint or no export, 12 something is not as it was written: every fault is named with its file.'
  static override examples = [
    '<%= config.bin %> audit verify',
    '<%= config.bin %> audit verify --full --archive /mnt/archive --json',
    '<%= config.bin %> audit verify --checkpoint /mnt/elsewhere/monday.note',
    '<%= config.bin %> audit verify history.jsonl',
  ]
  static override args = {
    export: arg.path({ description: 'a file of audit export; it needs no data directory' }),
  }
  static override flags = {
    full: flag.boolean({ description: 'what is archived must be here too' }),
    checkpoint: flag.path({ multiple: true, description: 'a checkpoint kept elsewhere; repeatable' }),
    'verifier-key': flag.text({
      helpValue: 'KEY',
      multiple: true,
      description: "what audit key init printed; without it the directory's own key; repeatable",
    }),
    ...archiveFlags,
  }

  protected override async execute(): Promise<AuditReport> {
    const { args, flags } = await this.parse(AuditVerify)
    const { full, checkpoint, 'verifier-key': keys } = flags
    const options = { full: full === true, checkpoints: checkpoint ?? [], verifierKeys: keys ?? [] }
    // nothing of a data directory is asked for, so none is needed
    if (args.export !== undefined)
      return verifyExport(args.export, options, this.context({ ...flags, 'data-dir': '' }).onProgress)
    return auditVerify(await openSession({ ...this.context(flags), archives: flags.archive ?? [] }), options)
  }

  protected override view(report: AuditReport, theme: Theme): string {
    const faults = [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
    const table = theme.table({
      columns: [
        'AGGREGATE',
        { title: 'COMMANDS', align: 'right' },
        { title: 'EVENTS', align: 'right' },
        { title: 'ARCHIVED', align: 'right' },
        'STATE',
        'VERIFIED',
      ],
      rows: report.aggregates.map((a) => [
        `${a.kind}/${a.handle}`,
        a.commands,
        a.events,
        a.archived,
        a.stateDigest?.slice(0, 16) ?? '-',
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
      : theme.bad(`${counted(faults.length, 'fault')} in ${counted(report.commits, 'commit')}`)
    const last = report.digest === null ? 'no digest: some state could not be made' : digestLine(report.digest)
    const notes = [
      ...report.checkpoints.map((c) =>
        c.ok ? `${c.file}: history only grew since its ${counted(c.size, 'commit')}` : '',
      ),
      ...report.skipped.map((line) => theme.dim(line)),
    ]
    return [table, faultsView(shown, theme), ...notes, sum, last].filter((line) => line !== '').join('\n')
  }

  protected override exitCode(report: AuditReport): number {
    return report.ok ? 0 : EXIT_CODES.corrupt
  }
}
