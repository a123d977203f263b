/** `brine cgi`: handles one HTTP request of a web server, or with `--fastcgi` one after the other until there are none. */
import { answerCgi } from '../core/app/cgi/cgi.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { toAppError } from '../core/cli/errors.js'
import { flag } from '../core/cli/flags/flags.js'
import { readStdinStart } from '../core/cli/stdin.js'
import { writeOut } from '../core/cli/stdout.js'

export default class Cgi extends BaseCommand<object> {
  static override summary = 'handle HTTP requests as a CGI program (RFC 3875) or over FastCGI'
  static override description =
    'Run by nginx (fcgiwrap) or Apache, as the user that owns the data directory: enrolment over EST (RFC 7030) at /.well-known/est/LABEL/cacerts, simpleenroll, simplereenroll and csrattrs, for labels with auth; messages of children (RFC 6492) at /rfc6492/CA and of publishers (RFC 8181) at /rfc8181/PUBLISHER. Reads the request from the environment and standard input, always writes a response to standard output, and writes messages for the operator to standard error. With --fastcgi it serves the FastCGI requests of a socket and ends when there are none: each request then costs a fraction of the CPU time, since the program is loaded once.'
  static override exitStatus = {
    0: 'response written; with --fastcgi: no request for the time of --idle',
    14: 'the response could not be written; with --fastcgi: the socket cannot be used',
  }
  static override examples = [
    '<%= config.bin %> cgi --data-dir /var/lib/brine',
    {
      description: 'a request as a web server makes it',
      command:
        'REQUEST_METHOD=GET HTTPS=on PATH_INFO=/.well-known/est/device/cacerts <%= config.bin %> cgi --data-dir /var/lib/brine',
    },
    {
      description: 'a worker on the socket of brine-est.socket, as brine-est.service runs it',
      command: '<%= config.bin %> cgi --fastcgi systemd --data-dir /var/lib/brine',
    },
  ]
  static override enableJsonFlag = false
  static override flags = {
    fastcgi: flag.text({
      helpValue: 'SOCKET',
      description: 'serve FastCGI on this Unix socket, which is created; systemd: on the socket that systemd passes',
    }),
    idle: flag.duration({ min: 1, description: 'with --fastcgi: end after this time without a request (default 60s)' }),
    'at-once': flag.integer({ min: 1, max: 64, description: 'with --fastcgi: requests at the same time (default 8)' }),
  }

  /** Replaces the run of the base command: as a CGI program a failure is a response as well. */
  override async run(): Promise<object> {
    const isServer = this.argv.some((word) => word === '--fastcgi' || word.startsWith('--fastcgi='))
    return isServer ? super.run() : this.answer()
  }

  private async answer(): Promise<object> {
    const response = await answerCgi({
      env: process.env,
      body: (length) => readStdinStart(length),
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

  protected override async execute(): Promise<object> {
    const { flags } = await this.parse(Cgi)
    const { fastcgi = '', idle = 60, 'at-once': atOnce = 8 } = flags
    const { serveRequests } = await import('../core/app/cgi/worker.js')
    const context = this.context(flags)
    return serveRequests({
      ...{ socket: fastcgi, atOnce, idle },
      open: () => openSession({ ...context, unattended: true, watch: { changed: 'no' } }),
      log: (line) => void process.stderr.write(`brine cgi: ${line}\n`),
    })
  }

  protected override view(): string {
    return ''
  }
}
