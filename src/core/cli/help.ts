/** The help of `brine --help`: oclif's, with every line inside the screen and the exit codes at its end. Loaded for help only. */
import type { Command } from '@oclif/core/command'
import { CommandHelp, Help } from '@oclif/core/help'
import { exitStatusOf } from './manual/exit-status.js'
import { brokenCommand, wrapped } from './manual/wrap.js'

/** Indent of the body of a section. */
const INDENT = 2

class OneCommandHelp extends CommandHelp {
  /** Overrides oclif, which measures the line with its own placeholder in place of the command's name. */
  protected override usage(): string {
    // oclif leaves the place of a flag that another alternative shows already
    const flags = this.defaultUsage()
      .replace(/(?:\s*\|)+\s*\]/g, ']')
      .replace(/\s+\]/g, ']')
    const line = this.render(`$ ${this.config.bin} ${flags}`)
    return wrapped(line, this.opts.maxWidth - INDENT, { hanging: 2 }).join('\n')
  }

  protected override examples(examples: Command.Example[] | string | undefined): string | undefined {
    return super
      .examples(examples)
      ?.split('\n')
      .flatMap((line) => brokenCommand(this.render(line), this.opts.maxWidth - INDENT))
      .join('\n')
  }
}

export class BrineHelp extends Help {
  protected override CommandHelpClass = OneCommandHelp

  override formatRoot(): string {
    const lines = super.formatRoot().split('\n')
    return lines.flatMap((line) => (line.startsWith(' ') ? [line] : wrapped(line, this.opts.maxWidth))).join('\n')
  }

  protected override summary(command: Command.Loadable): string | undefined {
    return wrapped(super.summary(command) ?? '', this.opts.maxWidth).join('\n')
  }

  override async showHelp(argv: string[]): Promise<void> {
    await super.showHelp(argv)
    const words = argv.filter((word) => !word.startsWith('-'))
    const own = words.map((_, i) => this.config.findCommand(words.slice(0, i + 1).join(':')))
    this.log(this.section('EXIT CODES', this.#exitStatus(own.findLast((command) => command !== undefined))))
  }

  #exitStatus(command: Command.Loadable | undefined): string {
    const lines = exitStatusOf(command).flatMap(([code, meaning]) =>
      wrapped(`${String(code).padStart(3)}  ${meaning}`, this.opts.maxWidth - INDENT, { hanging: 5 }),
    )
    return [...lines, 'brine(1) lists the exit codes of every command, under EXIT STATUS.'].join('\n')
  }
}
