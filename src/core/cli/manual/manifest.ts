/** Reads from oclif.manifest.json, which the build generates from the commands, what the manual and the list of commands need. */

export interface ManifestArg {
  readonly name: string
  readonly description?: string
  readonly required?: boolean
  readonly multiple?: boolean
}

export interface ManifestFlag {
  readonly name: string
  readonly char?: string
  readonly type: 'boolean' | 'option'
  readonly description?: string
  readonly helpGroup?: string
  readonly helpValue?: string
  readonly options?: readonly string[]
  readonly required?: boolean
  readonly multiple?: boolean
  readonly default?: unknown
  readonly env?: string
  readonly dependsOn?: readonly string[]
  readonly exclusive?: readonly string[]
  readonly hidden?: boolean
}

export interface ManifestCommand {
  /** `roa:add` */
  readonly id: string
  readonly summary?: string
  readonly description?: string
  readonly examples?: readonly (string | { readonly command: string; readonly description: string })[]
  readonly args?: Readonly<Record<string, ManifestArg>>
  readonly flags?: Readonly<Record<string, ManifestFlag>>
  readonly exitStatus?: Readonly<Record<string, string>>
  readonly hidden?: boolean
}

export interface Manifest {
  readonly version: string
  readonly commands: Readonly<Record<string, ManifestCommand>>
}

/** Returns the commands that are not hidden, sorted by name. */
export function visibleCommands(manifest: Manifest): readonly ManifestCommand[] {
  return Object.values(manifest.commands)
    .filter((command) => command.hidden !== true)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Returns the words of a command: `roa add`. */
export function commandWords(command: ManifestCommand): string {
  return command.id.replaceAll(':', ' ')
}

export function argsOf(command: ManifestCommand): readonly ManifestArg[] {
  return Object.values(command.args ?? {})
}

/** Returns the command's own flags, sorted by name. */
export function ownFlags(command: ManifestCommand): readonly ManifestFlag[] {
  return flagsOf(command).filter((flag) => !isGlobal(flag))
}

/** Returns the flags that every command has. */
export function globalFlagsOf(manifest: Manifest): readonly ManifestFlag[] {
  const [first] = visibleCommands(manifest)
  return first === undefined ? [] : flagsOf(first).filter(isGlobal)
}

/** Returns an argument as help shows it: `CA`, `ROA...`. */
export function argText(arg: ManifestArg): string {
  return arg.name.toUpperCase() + (arg.multiple === true ? '...' : '')
}

/** Returns the value placeholder of a flag, such as `DIR` or `warning|critical`; '' for a boolean. */
export function flagValue(flag: ManifestFlag): string {
  if (flag.type === 'boolean') return ''
  return flag.options?.join('|') ?? flag.helpValue ?? 'VALUE'
}

/** Returns a flag as help shows it: `--file FILE`. */
export function flagText(flag: ManifestFlag): string {
  return `--${flag.name} ${flagValue(flag)}`.trimEnd()
}

/** Returns the synopsis of a command: `roa update CA --file FILE [--dry-run]`. */
export function usage(command: ManifestCommand): string {
  const optional = (text: string, required: boolean | undefined): string => (required === true ? text : `[${text}]`)
  const args = argsOf(command).map((arg) => optional(argText(arg), arg.required))
  const flags = [...ownFlags(command)]
    .sort((a, b) => Number(b.required ?? false) - Number(a.required ?? false))
    .map((flag) => optional(flagText(flag), flag.required))
  return [commandWords(command), ...args, ...flags].join(' ')
}

function flagsOf(command: ManifestCommand): readonly ManifestFlag[] {
  return Object.values(command.flags ?? {})
    .filter((flag) => flag.hidden !== true)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function isGlobal(flag: ManifestFlag): boolean {
  return flag.helpGroup === 'GLOBAL'
}
