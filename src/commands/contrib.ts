/** `brine contrib`: prints the configuration files for other programs. */
import { resolve } from 'node:path'
import type { Program } from '../core/app/operations/contrib.js'
import { type ContribReport, contrib } from '../core/app/operations/contrib-report.js'
import { writeDocument } from '../core/app/operations/user-files.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { arg, flag } from '../core/cli/flags/flags.js'

export default class Contrib extends BaseCommand<ContribReport> {
  static override summary = 'print a configuration file for nginx, Apache, rsyncd, cron or systemd'
  static override description =
    'Without NAME, lists the files. If a data directory is given, the file has its paths and host names; without one, or with --raw, those of the documentation. `nginx` is short for nginx.conf.'
  static override examples = [
    '<%= config.bin %> contrib',
    '<%= config.bin %> contrib nginx --data-dir /var/lib/brine',
    '<%= config.bin %> contrib cron --raw',
  ]
  static override args = { name: arg.text({ required: false, description: 'the file' }) }
  static override flags = {
    raw: flag.boolean({ description: 'print the file as it is, not filled in' }),
    out: flag.path({ description: 'write it to a new file' }),
  }

  static override opensDataDir = false

  protected override async execute(): Promise<ContribReport> {
    const { args, flags } = await this.parse(Contrib)
    const program: Program = {
      contrib: resolve(this.config.root, 'contrib'),
      path: process.argv[1] ?? 'brine',
      node: process.execPath,
    }
    const isFilledIn = flags['data-dir'] !== undefined && !flags.raw
    const report = await contrib(program, args.name, isFilledIn ? this.context(flags) : undefined)
    if (flags.out === undefined || report.text === null) return report
    writeDocument(flags.out, report.text)
    return { ...report, out: flags.out }
  }

  protected override view(report: ContribReport): string {
    if (report.text === null) return report.files.join('\n')
    return report.out === null ? report.text.trimEnd() : `written to ${report.out}`
  }
}
