/** `brine answer rfc6492`: answers one message of a child from a file. */
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import {
  answerMessageFile,
  answerView,
  type MessageReport,
  messageExits,
  messageFlags,
} from '../../core/cli/flags/answer-flags.js'
import { arg } from '../../core/cli/flags/flags.js'

export default class AnswerRfc6492 extends BaseCommand<MessageReport> {
  static override summary = 'answer one message of a child (RFC 6492) from a file'
  static override description =
    'Does by hand what brine cgi does for a request to /rfc6492/CA: verifies the message by the ID certificate of the child, carries it out under the same lock and with the same record in history, and writes the signed answer (DER) to --out or to standard output. The report then goes to standard error; with --json and without --out it has the answer in base64, as cms. Without a web server, or to see why a message is refused.'
  static override exitStatus = messageExits
  static override examples = [
    '<%= config.bin %> answer rfc6492 acme --request request.cms --out answer.cms',
    '<%= config.bin %> answer rfc6492 acme --request - < request.cms > answer.cms',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the parent, which the message is to' }) }
  static override flags = messageFlags

  protected override async execute(): Promise<MessageReport> {
    const { args, flags } = await this.parse(AnswerRfc6492)
    return answerMessageFile({
      path: { service: 'rfc6492', handle: args.ca },
      ...{ request: flags.request, out: flags.out, json: this.jsonEnabled(), quiet: flags.quiet },
      open: () => openSession(this.context(flags)),
      watch: this.watch,
    })
  }

  protected override view(report: MessageReport): string {
    return report.out === null ? '' : answerView(report)
  }

  protected override exitCode(report: MessageReport): number {
    return report.errors.length === 0 ? 0 : EXIT_CODES.rejected
  }
}
