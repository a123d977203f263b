/** Definitions of arguments and flags as oclif makes them: the build puts these functions in the place of `@oclif/core/args` and `/flags`. */

type Parse = (input: never, context: object, definition: never) => Promise<unknown>

export interface Definition {
  name?: string
  readonly type: 'boolean' | 'option'
  readonly parse: Parse
  readonly required?: boolean
  readonly multiple?: boolean
  readonly options?: readonly string[]
  readonly default?: unknown
  readonly env?: string
  readonly char?: string
  readonly exclusive?: readonly string[]
  readonly dependsOn?: readonly string[]
}

type Given = Readonly<Record<string, unknown>>

const asGiven: Parse = async (input) => input

/** Returns a function that defines an argument or a flag with a value. */
export function custom(defaults: Given = {}) {
  return (given: Given = {}): Given => ({ parse: asGiven, ...defaults, ...given, input: [], type: 'option' })
}

/** Returns a function that defines a flag whose value is one of `options`. */
export function option(defaults: Given = {}) {
  return custom(defaults)
}

/** Defines a flag without a value. */
export function boolean(given: Given = {}): Given {
  return { parse: asGiven, ...given, allowNo: Boolean(given['allowNo']), type: 'boolean' }
}
