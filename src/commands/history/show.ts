/** `brine history show`: shows one command, its author and its events. */
import { type CommandReport, showCommand } from '../../core/app/proof/history.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { archiveFlags, arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { memberLines } from '../../core/cli/output/values.js'

export default class HistoryShow extends BaseCommand<CommandReport> {
  static override summary = 'show one command with its events'
  static override exitStatus = {
    1: 'unknown aggregate or sequence, or archived elsewhere',
    12: 'a file is damaged',
  }
  static override examples = ['<%= config.bin %> history show ca/acme 7', '<%= config.bin %> history show ca/acme']
  static override args = {
    aggregate: arg.text({ required: true, description: 'KIND/HANDLE, or a handle that only one has' }),
    sequence: arg.sequence({ description: 'number of the command; default: the newest' }),
  }
  static override flags = {
    ...archiveFlags,
  }

  protected override async execute(): Promise<CommandReport> {
    const { args, flags } = await this.parse(HistoryShow)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    return showCommand(session, args.aggregate, args.sequence)
  }

  protected override view({ command: c, events }: CommandReport, theme: Theme): string {
    const outcome = c.error === null ? theme.good(c.result) : `${theme.bad(c.result)}: ${c.error.message}`
    return [
      `${theme.bold(`${c.kind}/${c.handle} seq ${c.sequence}`)}  ${c.type}  ${outcome}`,
      `at       ${c.at}, commit ${c.commit}`,
      `by       ${c.actor} (${c.osUser} on ${c.host})`,
      ...(c.reason === null ? [] : [`reason   ${c.reason}`]),
      `config   ${c.configDigest}`,
      `version  ${c.version}`,
      ...(c.summary === null || c.summary === '' ? [] : [`summary  ${c.summary}`]),
      'arguments',
      ...memberLines(c.args, 1),
      ...events.flatMap(({ version, event }) => [
        `event ${version}  ${event.type}`,
        ...memberLines({ ...event }, 1, ['type']),
      ]),
    ].join('\n')
  }
}
