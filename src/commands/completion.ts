/** `brine completion`: prints the script with which a shell completes command lines. */
import { AppError } from '../core/base/errors.js'
import { didYouMean } from '../core/base/nearest.js'
import { quoted } from '../core/base/text.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { SCRIPTS, SHELLS, type Shell } from '../core/cli/completion/scripts.js'
import { arg } from '../core/cli/flags/flags.js'

export interface CompletionReport {
  readonly shell: Shell
  readonly script: string
}

export default class Completion extends BaseCommand<CompletionReport> {
  static override summary = 'print the completion script of a shell'
  static override description =
    'Completes commands, flags and files, and from the data directory on the line or in BRINE_DATA_DIR handles, aggregates, ROAs, ID keys, labels and the ids of enrolment CAs. Each press of TAB asks the program, reads without a lock and changes nothing.'
  static override examples = [
    '<%= config.bin %> completion bash > /etc/bash_completion.d/brine',
    '<%= config.bin %> completion zsh > /usr/local/share/zsh/site-functions/_brine',
    '<%= config.bin %> completion fish > /etc/fish/completions/brine.fish',
  ]
  static override args = { shell: arg.text({ required: true, description: 'bash, zsh or fish' }) }

  static override opensDataDir = false

  protected override async execute(): Promise<CompletionReport> {
    const { args } = await this.parse(Completion)
    const shell = SHELLS.find((one) => one === args.shell)
    if (shell === undefined)
      throw new AppError(
        'usage',
        'shell-unknown',
        `unknown shell ${quoted(args.shell)}${didYouMean(args.shell, SHELLS)}`,
        {
          hint: `there are scripts for ${SHELLS.join(', ')}`,
        },
      )
    return { shell, script: SCRIPTS[shell] }
  }

  protected override view(report: CompletionReport): string {
    return report.script.trimEnd()
  }
}
