/** `brine pubserver stats`: counts what is published. */
import { type PubserverStatsReport, pubserverStats } from '../../core/app/authority/pubserver.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'

export default class PubserverStats extends BaseCommand<PubserverStatsReport> {
  static override summary = 'show the size of the publication'
  static override examples = ['<%= config.bin %> pubserver stats --json']

  protected override async execute(): Promise<PubserverStatsReport> {
    const { flags } = await this.parse(PubserverStats)
    return pubserverStats(await openSession(this.context(flags)))
  }

  protected override view(report: PubserverStatsReport): string {
    const { publishers, objects, bytes, deltas, snapshotBytes, rrdpSerial } = report
    return `${publishers} publishers, ${objects} objects, ${bytes} bytes; RRDP serial ${rrdpSerial}, ${deltas} deltas, RRDP snapshot ${snapshotBytes} bytes`
  }
}
