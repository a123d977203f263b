/**
 * Base class of every command: parses, executes one use case and shows one report. Failures become text, JSON and exit codes here
 * and nowhere else. Invariant: the exit code is the same with and without `--json`, stdout holds data only, and standard input is
 * read only if the user wrote `-`.
 */
import { Command } from '@oclif/core/command'
import { ExitError } from '@oclif/core/errors'
import type { CommandError, Input, ParserOutput } from '@oclif/core/interfaces'
import { mayHaveOutcome } from '../app/hooks/outcomes.js'
import type { CommandContext, CommitWatch } from '../base/context.js'
import { AppError } from '../base/errors.js'
import { screenText } from '../base/text.js'
import { confirm } from './confirm.js'
import { commandContext, type GlobalFlags, surroundings } from './context.js'
import { errorDocument, errorText, incompleteLine, toAppError, withPasteableHint } from './errors.js'
import { EXIT_CODES } from './exit-codes.js'
import { globalFlags, refuseEmpty } from './flags/flags.js'
import { asksForRecovery } from './flags/force-recover.js'
import { withSafety } from './flags/safety.js'
import { asksForUpgradeOnly } from './flags/upgrade-only.js'
import { type HintNames, withHint } from './hints.js'
import { onInterrupt } from './interrupt.js'
import { type CommandLine, missingError, type Need } from './missing.js'
import { formatJson, jsonReport } from './output/json.js'
import { type Paste, pasteWith } from './output/paste.js'
import { isColoured, type Theme, themeFor } from './output/theme.js'
import { guardStdout, writeOut } from './stdout.js'
import { type Progress, progressOn, silentProgress } from './terminal/progress.js'

type Values = Record<string, unknown>

export abstract class BaseCommand<R extends object> extends Command {
  static override enableJsonFlag = true
  static override baseFlags = globalFlags
  /** Exit codes that mean more here than in the table of brine(1): shown by --help and in the manual. */
  static exitStatus: Readonly<Record<number, string>> = {}

  /** Conditions among flags and arguments that oclif does not know; all that is missing is reported at once. */
  static needs: readonly Need[] = []
  /** False if the command can run without a data directory. */
  static opensDataDir = true

  /** Whether the use case has made anything durable: written by the use case, read on an interrupt. */
  protected readonly watch: CommitWatch = { changed: 'no', unsynced: new Set() }
  #quiet = false
  #noSync = false
  /** True if a repository elsewhere has not confirmed the change. */
  #undelivered = false
  /** True if the output goes to a file that the user named. */
  #writesFile = false
  #progress: Progress = silentProgress
  #release: (exitCode: number) => void = () => undefined
  #ending = 0
  /** Report or error, for the hooks of the operator. */
  #outcome: { readonly report: object } | { readonly error: unknown } | undefined
  /** Arguments and flags, for hints. */
  #names: HintNames = {}
  /** The context that was made last. */
  #context: CommandContext | undefined

  /** Parses, runs one use case and returns its report: an object, never a bare list. */
  protected abstract execute(): Promise<R>

  /** Returns the report as text without a final line break; '' prints nothing. Pure. */
  protected abstract view(report: R, theme: Theme): string

  /** Returns the exit code of a report: not 0 if the report says `differs`, `partial` or `pending`. */
  protected exitCode(_report: R): number {
    return 0
  }

  /** True if `--quiet` suppresses the report: the command writes, and its report is not what it is run for. */
  protected get changes(): boolean {
    return this.#writes
  }

  get #writes(): boolean {
    return 'dry-run' in (this.ctor.flags ?? {})
  }

  /** Returns the failures in a report, one line each. With `--quiet` they are printed to stderr in place of the report. */
  protected faults(_report: R): readonly string[] {
    return []
  }

  override async run(): Promise<object> {
    if (asksForUpgradeOnly(process.env)) return this.#upgradeOnly()
    const executed = await this.#executed()
    const report = await this.#delivered(executed)
    this.#outcome = { report }
    this.#progress.clear()
    if (this.#isMute) for (const line of this.faults(report)) process.stderr.write(screenText(`Error: ${line}\n`))
    await writeOut(await this.#rendered(report), this.watch.changed)
    this.#ending = this.exitCode(report) || (this.#undelivered ? EXIT_CODES.pending : 0)
    if (this.#ending !== 0) throw new ExitError(this.#ending)
    return report
  }

  /** Executes the command. Runs a full recovery first if the environment asks for it, and retries once after a recovery that is allowed. */
  async #executed(): Promise<R> {
    if (this.id !== 'recover' && asksForRecovery(process.env)) await this.#forced()
    try {
      return await this.execute()
    } catch (error) {
      const context = this.#context
      if (!(error instanceof AppError) || error.kind !== 'corrupt' || context === undefined) throw error
      if (context.dryRun || this.id === 'recover') throw error
      const { recoverIfAllowed } = await import('../app/recovery/force.js')
      // if recovery fails too, the damage itself is the more useful error
      if (!(await recoverIfAllowed(context, error).catch(() => false))) throw error
      return this.execute()
    }
  }

  /** Sends what the command has changed to repositories elsewhere, and returns the report of what they have confirmed. */
  async #delivered(report: R): Promise<R> {
    const context = this.#context
    const isWanted = 'no-sync' in (this.ctor.flags ?? {}) && !this.#noSync
    if (!isWanted || context === undefined || (this.watch.unsynced?.size ?? 0) === 0) return report
    const { deliverCommand } = await import('../app/exchange/client/deliver-changes.js')
    const delivered = await deliverCommand(context, this.watch, report, `brine/${this.config.version}`)
    for (const { ca, message } of delivered.failed) {
      this.#undelivered = true
      const line = `the repository of ${ca} has not confirmed the change: ${message}; the next tick sends it, or: brine repo sync ${ca}`
      if (this.#isMute) process.stderr.write(screenText(`Error: ${this.#paste(line)}\n`))
      else this.warn(line)
    }
    return delivered.report
  }

  /** Runs the forced recovery of a command that opens a data directory, but not for a dry run. */
  async #forced(): Promise<void> {
    const { flags } = await this.parse(this.ctor)
    const given = flags as GlobalFlags
    if (given['data-dir'] === undefined || given['dry-run'] === true) return
    const { forceRecovery } = await import('../app/recovery/force.js')
    await forceRecovery(this.context(given))
  }

  /** Runs the upgrade in place of the command (`asksForUpgradeOnly`). */
  async #upgradeOnly(): Promise<object> {
    const { flags } = await this.parse(this.ctor)
    const { upgrade } = await import('../app/operations/upgrade.js')
    const { upgradeView } = await import('./views/upgrade.js')
    const report = await upgrade(this.context(flags as GlobalFlags), { only: true })
    this.#progress.clear()
    const text = this.jsonEnabled() ? formatJson(jsonReport(report)) : this.#quiet ? '' : `${upgradeView(report)}\n`
    await writeOut(text, this.watch.changed)
    return report
  }

  /** Returns the context of the use case. Throws `data-dir-missing` (usage). */
  protected context(flags: GlobalFlags): CommandContext {
    const ports = {
      command: this.#words(),
      watch: this.watch,
      onNotice: (text: string): void => void this.warn(text),
      onProgress: (done: number, total: number, what: string): void => this.#progress.step(what, done, total),
    }
    const context = commandContext(flags, surroundings(), ports)
    this.#context = 'max-removals' in (this.ctor.flags ?? {}) ? withSafety(context, flags) : context
    return this.#context
  }

  /** Asks for confirmation of a step marked `!` in the command list; see `confirm`. */
  protected async confirm(what: string, flags: { readonly yes: boolean }, question?: string): Promise<void> {
    await confirm({ what, question, yes: flags.yes, interactive: surroundings().interactive })
  }

  /** Prints a warning on stderr with and without `--json`; silent with `--quiet`. */
  override warn(input: Error | string): Error | string {
    this.#progress.clear()
    if (!this.#quiet)
      process.stderr.write(screenText(`Warning: ${this.#paste(typeof input === 'string' ? input : input.message)}\n`))
    return input
  }

  protected override async init(): Promise<void> {
    guardStdout()
    this.#release = onInterrupt(this.watch, (error) => {
      this.#progress.clear()
      if (this.jsonEnabled()) process.stdout.write(formatJson(errorDocument(error)))
      else process.stderr.write(error.changed === 'no' ? `${error.message}\n` : errorText(error))
    })
    await super.init()
  }

  /** Parses with two of oclif's defaults turned off: standard input as a missing argument, and repeated flags that take all that follows. */
  protected override async parse<F extends Values, B extends Values, A extends Values>(
    options: Input<F, B, A>,
    argv: string[] = this.argv,
  ): Promise<ParserOutput<F, B, A>> {
    refuseEmpty(argv)
    for (const argument of Object.values(options.args ?? {})) argument.ignoreStdin = true
    for (const flag of Object.values(options.flags ?? {}))
      if (flag.type === 'option') Object.assign(flag, { multipleNonGreedy: true, allowStdin: false })
    // oclif copies own members only, and a command may inherit its arguments
    const own: Input<F, B, A> = { ...options }
    for (const key of ['args', 'flags', 'baseFlags', 'enableJsonFlag'] as const)
      if (options[key] !== undefined) Object.assign(own, { [key]: options[key] })
    const parsed = await super.parse(own, argv).catch((thrown: unknown) => {
      const incomplete = incompleteLine(thrown)
      throw (incomplete === undefined ? undefined : this.#missing(incomplete, incomplete.others)) ?? thrown
    })
    const definition = { args: own.args ?? {}, flags: { ...globalFlags, ...own.flags } }
    const missing = this.#missing({ definition, given: parsed })
    if (missing !== undefined) throw missing
    this.#quiet = Reflect.get(parsed.flags, 'quiet') === true
    this.#names = { ...parsed.flags, ...parsed.args }
    this.#noSync = Reflect.get(parsed.flags, 'no-sync') === true
    const { out, prom, nagios } = parsed.flags as { out?: string; prom?: string; nagios?: boolean }
    this.#writesFile = ((out ?? '-') !== '-' || prom !== undefined) && nagios !== true
    if (!this.#quiet) this.#progress = progressOn(process.stderr)
    return parsed
  }

  /** Returns the error that names all that is missing on a command line; undefined if nothing is. */
  #missing(line: Pick<CommandLine, 'definition' | 'given'>, others: readonly string[] = []): AppError | undefined {
    const { needs, opensDataDir } = this.ctor as typeof BaseCommand
    return missingError({ ...line, command: this.#words(), needs, opensDataDir, env: surroundings().env }, others)
  }

  protected override async catch(thrown: CommandError): Promise<never> {
    if (thrown instanceof ExitError) throw thrown
    this.#progress.clear()
    const debug = (process.env['DEBUG'] ?? '') !== ''
    const found = toAppError(thrown, { changed: this.watch.changed, command: this.#words(), debug })
    const error = withPasteableHint(withHint(found, this.#names), this.#paste)
    this.#ending = EXIT_CODES[error.kind]
    this.#outcome ??= { error }
    await this.#report(error)
    throw Object.assign(new ExitError(this.#ending), { cause: error })
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#release(this.#ending)
    await this.#runHooks()
    await super.finally(error)
  }

  /** Runs the hook of the operator on what the command came to, if that can be an outcome. A signal ends the program as the command ended. */
  async #runHooks(): Promise<void> {
    const [context, outcome, command] = [this.#context, this.#outcome, this.id ?? '']
    if (context === undefined || outcome === undefined || context.dryRun === true) return
    if (!mayHaveOutcome(command, outcome)) return
    const { runHooks } = await import('../app/hooks/run-hooks.js')
    for (const problem of await runHooks(context, command, outcome, process.env)) this.warn(problem)
  }

  /** Overrides oclif, which would print every own property of an error, secrets included. */
  protected override toErrorJson(thrown: unknown): unknown {
    return errorDocument(toAppError(thrown, { changed: this.watch.changed, command: this.config.bin, debug: false }))
  }

  /** Does nothing: `run` has already written the report. */
  protected override logJson(): void {}

  /** Returns the words of the command, such as `brine roa add`. */
  #words(): string {
    return [this.config.bin, ...(this.id ?? '').split(':')].join(' ').trim()
  }

  /** Completes the commands in a text with the flags of this command line. */
  get #paste(): Paste {
    const topics = new Set(this.config.commandIDs.map((id) => id.split(':')[0] ?? ''))
    return pasteWith(this.argv, topics)
  }

  get #isMute(): boolean {
    return this.#quiet && (this.changes || this.#writesFile) && !this.jsonEnabled()
  }

  async #rendered(report: R): Promise<string> {
    if (this.jsonEnabled()) return formatJson(jsonReport(report, this.#writes ? this.watch.changed : undefined))
    if (this.#isMute) return ''
    const text = this.view(report, await this.theme())
    return text === '' ? '' : `${screenText(text)}\n`
  }

  /** Returns the appearance of views on standard output, as wide as the terminal is now. */
  protected async theme(): Promise<Theme> {
    const { isTTY, columns } = process.stdout
    const theme = await themeFor({ isTerminal: isTTY === true, columns, env: process.env })
    return { ...theme, paste: this.#paste }
  }

  async #report(error: AppError): Promise<void> {
    if (!this.jsonEnabled() || error.code === 'stdout-failed') {
      process.stderr.write(errorText(error, isColoured(process.stderr, process.env)))
      return
    }
    await writeOut(formatJson(errorDocument(error)), error.changed).catch(() => process.stderr.write(errorText(error)))
  }
}
