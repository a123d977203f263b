/** `brine report`: writes the state of the data directory as one HTML page. */
import {
  assertCanReplace,
  assertNotReplaced,
  isReadableFile,
  replaceDocument,
  writeDocument,
} from '../core/app/operations/user-files.js'
import { makeReport, type ReportResult } from '../core/app/report/report.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { arg, flag } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'

export default class Report extends BaseCommand<ReportResult> {
  static override summary = 'write the state of the data directory as one HTML page'
  static override description =
    'The page needs no other file, no network and no script: the tree of CAs, held and covered addresses, ends of validity on a time line, states of enrolment CAs, findings of `brine status`, and the last commands with their authors and reasons. A new file has mode 0600. With --replace a file of that name is replaced at once and keeps its mode, for a page that cron writes again and again.'
  static override exitStatus = { 2: 'the file exists already, without --replace' }
  static override examples = [
    '<%= config.bin %> report today.html',
    '<%= config.bin %> report /var/www/internal/brine.html --replace',
  ]
  static override args = { file: arg.path({ required: true, description: 'the file to write' }) }
  static override flags = {
    replace: flag.boolean({ description: 'replace a file of that name' }),
  }

  protected override async execute(): Promise<ReportResult> {
    const { args, flags } = await this.parse(Report)
    if (flags.replace) assertCanReplace(args.file)
    else assertNotReplaced(args.file)
    const session = await openSession(this.context(flags))
    const { page, result } = await makeReport(session, this.config.version)
    if (flags.replace && isReadableFile(args.file)) replaceDocument(args.file, page)
    else writeDocument(args.file, page)
    return { ...result, file: args.file }
  }

  protected override view({ file, verdict, cas, findings }: ReportResult): string {
    return `${file}: written; ${verdict}, ${counted(cas, 'CA')}, ${counted(findings, 'finding')}`
  }
}
