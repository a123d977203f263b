/** `brine config show`: shows every setting with its effective value. */
import { type ConfigShowReport, showConfig } from '../../core/app/operations/config.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class ConfigShow extends BaseCommand<ConfigShowReport> {
  static override summary = 'show every setting with its value and its source'
  static override description =
    'Durations are in seconds. Sections are not shown: those of [hooks], enrolment CAs and repository servers. DATA_DIR/brine.toml and brine.toml(5) describe every key and section.'
  static override exitStatus = {
    2: 'the file is invalid',
  }
  static override examples = ['<%= config.bin %> config show', '<%= config.bin %> config show --json']

  static override opensDataDir = false

  protected override async execute(): Promise<ConfigShowReport> {
    const { flags } = await this.parse(ConfigShow)
    if (flags['data-dir'] === undefined && flags.config !== undefined) return showConfig({ configPath: flags.config })
    return showConfig(this.context(flags))
  }

  protected override view(report: ConfigShowReport, theme: Theme): string {
    const table = theme.table({
      columns: [{ title: 'KEY', rank: 'whole' }, { title: 'VALUE', align: 'right' }, 'FROM'],
      rows: report.entries.map(({ key, value, source }) => [
        key,
        value === null ? 'off' : String(value),
        source === 'file' ? theme.bold(source) : source,
      ]),
    })
    return `${table}\n${theme.dim(`${report.file}, digest ${report.digest}`)}`
  }
}
