/** `brine init`: a new data directory. */
import { type InitReport, initDirectory } from '../core/app/operations/init.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag } from '../core/cli/flags/flags.js'

export default class Init extends BaseCommand<InitReport> {
  static override summary = 'make a data directory'
  static override description =
    'DATA_DIR must be missing or empty. It gets a marker, a commented brine.toml, and the HTTPS pair in ssl/.'
  static override examples = ['<%= config.bin %> init --data-dir /var/lib/brine']
  static override flags = { test: flag.boolean({ description: 'BRINE_NOW sets the clock of this directory' }) }

  protected override async execute(): Promise<InitReport> {
    const { flags } = await this.parse(Init)
    return initDirectory({ ...this.context(flags), test: flags.test })
  }

  protected override get changes(): boolean {
    return true
  }

  protected override view(report: InitReport): string {
    return [
      `${report.dataDir}: data directory ${report.id} made`,
      `next: brine --data-dir ${report.dataDir} pubserver init --rsync rsync://... --rrdp https://...`,
    ].join('\n')
  }
}
