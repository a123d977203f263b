/** `brine cgi`: handles one HTTP request of a web server. */
import { answerCgi } from '../core/app/enrolment/cgi.js'
import { openSession } from '../core/app/transaction/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { toAppError } from '../core/cli/errors.js'
import { readStdinStart } from '../core/cli/stdin.js'
import { writeOut } from '../core/cli/stdout.js'

export default class Cgi extends BaseCommand<object> {
  static override summary = 'handle an HTTP request as a CGI program (RFC 3875)'
  static override description =
    'Run by nginx (fcgiwrap) or Apache, as the user that owns the data directory: enrolment over EST (RFC 7030) at /.well-known/est/LABEL/cacerts, simpleenroll, simplereenroll and csrattrs, for labels with auth. Reads the request from the environment and standard input, always writes a response to standard output, and writes messages for the operator to standard error.'
  static override exitStatus = {
    0: 'response written',
    14: 'the response could not be written',
  }
  static override examples = [
    '<%= config.bin %> cgi --data-dir /var/lib/brine',
    {
      description: 'a request as a web server makes it',
      command:
        'REQUEST_METHOD=GET HTTPS=on PATH_INFO=/.well-known/est/device/cacerts <%= config.bin %> cgi --data-dir /var/lib/brine',
    },
  ]
  static override enableJsonFlag = false

  /** Replaces the run of the base command: here a failure is a response as well. */
  override async run(): Promise<object> {
    return this.execute()
  }

  protected override async execute(): Promise<object> {
    const response = await answerCgi({
      env: process.env,
      body: readStdinStart,
      open: async () => {
        const { flags } = await this.parse(Cgi).catch((cause: unknown) => {
          throw toAppError(cause, { changed: 'no', command: 'brine cgi', debug: false })
        })
        return openSession({ ...this.context(flags), unattended: true })
      },
      log: (line) => void process.stderr.write(`brine cgi: ${line}\n`),
    })
    await writeOut(response, this.watch.changed)
    return {}
  }

  protected override view(): string {
    return ''
  }
}
