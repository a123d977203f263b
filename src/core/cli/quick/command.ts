/**
 * Base of every command on the quick path: the members of oclif's class that `BaseCommand` uses, called in the same order. The build puts it
 * in the place of `@oclif/core/command`.
 */
import { type Line, parseLine, type Shape } from './parse.js'

export interface Program {
  readonly bin: string
  readonly version: string
  /** Folder of the installed program. */
  readonly root: string
  /** Every command, words separated by colons. */
  readonly commandIDs: readonly string[]
}

export abstract class Command {
  static id = ''
  static args: NonNullable<Shape['args']> = {}
  static flags: NonNullable<Shape['flags']> = {}
  static baseFlags: NonNullable<Shape['flags']> = {}
  static enableJsonFlag = false

  readonly id: string
  argv: string[]
  readonly config: Program

  constructor(argv: string[], config: Program) {
    this.argv = argv
    this.config = config
    this.id = this.ctor.id
  }

  get ctor(): typeof Command {
    return this.constructor as typeof Command
  }

  abstract run(): Promise<object>
  protected abstract catch(thrown: unknown): Promise<never>

  protected async init(): Promise<void> {}

  protected async finally(_error: unknown): Promise<void> {}

  /** Runs the command as oclif's class does, without the output of its result, which `BaseCommand` has written. */
  async _run(): Promise<void> {
    let failure: unknown
    try {
      await this.init()
      await this.run()
    } catch (error) {
      failure = error
      await this.catch(error)
    } finally {
      await this.finally(failure)
    }
  }

  protected jsonEnabled(): boolean {
    const [json, end] = ['--json', '--'].map((word) => this.argv.indexOf(word)) as [number, number]
    return this.ctor.enableJsonFlag && json >= 0 && (end < 0 || json < end)
  }

  /** Parses a line that the quick path has accepted before. */
  protected async parse(shape: Shape, argv: string[]): Promise<Line> {
    const line = await parseLine(shape, argv)
    if (line === undefined) throw new Error(`${this.id}: the command line was accepted and is refused now`)
    return line
  }
}
