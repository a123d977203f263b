/** `brine keyroll status`: shows key rolls, what comes next in each, and keys that wait to be destroyed. */
import { type KeyrollStatusReport, keyrollStatus } from '../../core/app/authority/keyroll.js'
import { openSession } from '../../core/app/session/session.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { rollLines, rollTable } from '../../core/cli/views/keyroll.js'

export default class KeyrollStatus extends BaseCommand<KeyrollStatusReport> {
  static override summary = 'show key rolls and what comes next in each'
  static override exitStatus = { 3: 'some CAs cannot be read; the others are shown' }
  static override examples = ['<%= config.bin %> keyroll status', '<%= config.bin %> keyroll status acme']
  static override args = { ca: arg.handle({ description: 'the CA; default: every CA with an open key roll' }) }

  #now: Instant | undefined

  protected override async execute(): Promise<KeyrollStatusReport> {
    const { args, flags } = await this.parse(KeyrollStatus)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return keyrollStatus(session, args.ca)
  }

  protected override faults(report: KeyrollStatusReport): readonly string[] {
    return report.failed.map(({ ca, message }) => `${ca}: ${message}`)
  }

  protected override view(report: KeyrollStatusReport, theme: Theme): string {
    const { rolls, retired, keyPool } = report
    const lines = rollLines(rolls, retired, this.#now)
    const pool =
      keyPool.needed === 0 ? [] : [`key pool: ${keyPool.keys} of the ${keyPool.needed} that activation needs`]
    const none = lines.length === 0 ? ['no key roll is open'] : []
    const table = rollTable(rolls, theme)
    return [...this.faults(report), ...none, ...lines, ...pool, ...(table === '' ? [] : [table])].join('\n')
  }

  protected override exitCode(report: KeyrollStatusReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}
