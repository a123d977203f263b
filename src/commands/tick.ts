/** `brine tick`: runs everything that is due, once. Cron calls it every 5 minutes. */
import { type TickReport, tick } from '../core/app/operations/tick.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { clockFlags } from '../core/cli/flags/flags.js'

export default class Tick extends BaseCommand<TickReport> {
  static override summary = 'run everything that is due (call this from cron)'
  static override description =
    'Prints nothing if nothing was due. Parents elsewhere are asked once a day, and 5 minutes after a failure or while a request is open. Repositories elsewhere are synchronised after each change, 5 minutes after a failure, and once a day. Does nothing on a stand-by and exits 0. Refuses a clock that is more than a day past the last record, unless the machine has been running for as long, the system says that its time is synchronised, or trust_clock or --clock-is-right confirms it.'
  static override exitStatus = {
    1: 'the clock is behind, or far ahead of the last record and nothing confirms it',
    3: 'some CA could not be published, some parent or repository elsewhere failed or refused, or a section of the configuration has an error; all else was done',
  }
  static override flags = { ...clockFlags }
  static override examples = ['*/5 * * * * <%= config.bin %> tick --data-dir /var/lib/brine']

  protected override async execute(): Promise<TickReport> {
    const { flags } = await this.parse(Tick)
    const confirmed = flags['clock-is-right'] ? { clockIsRight: true as const } : {}
    const session = await openSession({ ...this.context(flags), unattended: true, ...confirmed })
    const { deliverByHttp } = await import('../core/app/exchange/client/deliver.js')
    const { version } = this.config
    return tick(session, deliverByHttp(session, `brine/${version}`), { version })
  }

  protected override get changes(): boolean {
    return true
  }

  protected override faults(report: TickReport): readonly string[] {
    return [...report.failed.map((f) => `${f.ca}: ${f.message}`), ...report.disabled]
  }

  protected override view(report: TickReport): string {
    return [...this.faults(report), ...report.done.map((d) => `${d.what}: ${d.on}`)].join('\n')
  }

  protected override exitCode(report: TickReport): number {
    return this.faults(report).length === 0 ? 0 : EXIT_CODES.partial
  }
}
