/** `brine init`: creates a data directory. */
import { type InitReport, initDirectory } from '../core/app/operations/init.js'
import { shellWord } from '../core/base/shell-word.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag } from '../core/cli/flags/flags.js'

export default class Init extends BaseCommand<InitReport> {
  static override summary = 'create a data directory'
  static override description =
    'DATA_DIR must be missing or empty. It gets a marker, a commented brine.toml, and an HTTPS key and certificate in ssl/.'
  static override examples = ['<%= config.bin %> init --data-dir /var/lib/brine']
  static override flags = {
    test: flag.boolean({ description: 'make a test directory, whose clock BRINE_NOW sets' }),
  }

  protected override async execute(): Promise<InitReport> {
    const { flags } = await this.parse(Init)
    return initDirectory({ ...this.context(flags), test: flags.test })
  }

  protected override get changes(): boolean {
    return true
  }

  protected override view(report: InitReport): string {
    const brine = `brine --data-dir ${shellWord(report.dataDir)}`
    return [
      `created data directory ${report.dataDir} (id ${report.id})`,
      `next: ${brine} ca add CA   # under a registry, and in its repository`,
      `      ${brine} setup   # files for cron and systemd`,
      `or a repository of your own, with trust anchor and the files for its servers:`,
      `      ${brine} setup --rsync rsync://... --rrdp https://...`,
    ].join('\n')
  }
}
