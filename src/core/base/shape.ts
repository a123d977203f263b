/**
 * Shapes of stored JSON: which members an object has and what each holds, as predicates that combine.
 * Invariant: a shape is strict in both directions, an unknown member is as wrong as a missing one.
 */
import type { Brand } from './brand.js'
import { type Handle, isHandle } from './handle.js'
import type { Json } from './json.js'
import { jsonPath } from './json-path.js'
import type { Table } from './record.js'
import { type Instant, parseInstant } from './time.js'

export type JsonObject = { readonly [key: string]: Json }

/** The first place where a value does not fit its shape. */
export interface Mismatch {
  /** JSON path. */
  readonly path: string
  /** Name of the innermost member on the path; empty for the value as a whole. */
  readonly member: string
  readonly problem: 'unknown member' | 'missing member' | 'wrong value'
}

/** Returns true if a value fits. */
export interface Check<T = unknown> {
  (value: Json): boolean
  /** Finds the first mismatch below `path` of a value that does not fit; without it the value as a whole is wrong. */
  readonly locate?: (value: Json, path: string, member: string) => Mismatch
  /** Never set: carries the type of the values that fit. */
  readonly fits?: T
}

/** Members by name with their checks; `?` at the end of a name makes the member optional. */
export type Shape = Readonly<Record<string, Check>>

type OptionalOf<T> = { [K in keyof T]-?: Partial<Pick<T, K>> extends Pick<T, K> ? K : never }[keyof T] & string

/** The one shape that the type `T` has: exactly its members, each with a check of its type. */
export type ShapeOf<T> = { readonly [K in Exclude<keyof T, OptionalOf<T>> & string]: Check<T[K]> } & {
  readonly [K in OptionalOf<T> as `${K}?`]: Check<Exclude<T[K], undefined>>
}

type FitOf<C> = C extends Check<infer T> ? T : never
type Flat<T> = { readonly [K in keyof T]: T[K] }

/** The type of the objects that fit the shape `M`. */
export type ObjectOf<M extends Shape> = Flat<
  { readonly [K in keyof M as K extends `${string}?` ? never : K]: FitOf<M[K]> } & {
    readonly [K in keyof M as K extends `${infer N}?` ? N : never]?: FitOf<M[K]>
  }
>

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const isAny: Check = () => true
export const isText: Check<string> = (v) => typeof v === 'string'
export const isFlag: Check<boolean> = (v) => typeof v === 'boolean'
export const isInteger: Check<number> = (v) => typeof v === 'number' && Number.isSafeInteger(v)
export const isCount: Check<number> = (v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0
export const isPositive: Check<number> = (v) => isCount(v) && v !== 0
export const isOne: Check<1> = (v) => v === 1
/** Lower-case hex of a SHA-256. */
export const isHash: Check<Brand<string, 'Sha256'>> = (v) => typeof v === 'string' && /^[0-9a-f]{64}$/.test(v)
/** Upper-case hex of a subject key identifier. */
export const isKeyId: Check<Brand<string, 'KeyId'>> = (v) => typeof v === 'string' && /^[0-9A-F]{40}$/.test(v)
export const isTime: Check<Instant> = (v) => typeof v === 'string' && parseInstant(v) === v
export const isName: Check<Handle> = (v) => typeof v === 'string' && isHandle(v)

export function isOneOf<const T extends string>(...texts: readonly T[]): Check<T> {
  return (v) => texts.some((text) => text === v)
}

export function orNull<T>(check: Check<T>): Check<T | null> {
  return combined(
    (v) => v === null || check(v),
    (v, path, member) => locate(check, v, path, member),
  )
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return combined(
    (v) => Array.isArray(v) && (v as readonly Json[]).every((item) => check(item)),
    (v, path, member) => {
      const items: readonly Json[] = Array.isArray(v) ? v : []
      const at = items.findIndex((item) => !check(item))
      return at === -1 ? wrong(path, member) : locate(check, items[at] ?? null, jsonPath(path, at), member)
    },
  )
}

/** An object with any names, all of whose members fit `check`. */
export function tableOf<T>(check: Check<T>): Check<Table<T>> {
  return combined(
    (v) => isObject(v) && Object.values(v).every((value) => check(value)),
    (v, path, member) => {
      const found = Object.entries(isObject(v) ? v : {}).find(([, value]) => !check(value))
      return found === undefined ? wrong(path, member) : locate(check, found[1], jsonPath(path, found[0]), found[0])
    },
  )
}

/** An object of a shape. With a type argument the compiler demands the one shape that this type has. */
export function objectOf<T>(shape: unknown extends T ? Shape : ShapeOf<T>): Check<T> {
  const members: Shape = shape
  return combined(
    (v) => isObject(v) && mismatch(v, members) === undefined,
    (v, path, member) => (isObject(v) ? mismatch(v, members, path) : undefined) ?? wrong(path, member),
  )
}

/** The first member of an object that does not fit its shape, undefined when all do: unknown members before the others. */
export function mismatch(value: JsonObject, shape: Shape, path = '$'): Mismatch | undefined {
  for (const key of Object.keys(value))
    if (!Object.hasOwn(shape, key) && !Object.hasOwn(shape, `${key}?`))
      return { path: jsonPath(path, key), member: key, problem: 'unknown member' }
  for (const [name, check] of Object.entries(shape)) {
    const key = name.endsWith('?') ? name.slice(0, -1) : name
    const member = Object.hasOwn(value, key) ? value[key] : undefined
    if (member === undefined) {
      if (key === name) return { path: jsonPath(path, key), member: key, problem: 'missing member' }
    } else if (!check(member)) return locate(check, member, jsonPath(path, key), key)
  }
  return undefined
}

function combined<T>(check: (value: Json) => boolean, find: NonNullable<Check['locate']>): Check<T> {
  return Object.assign(check, { locate: find })
}

function locate(check: Check, value: Json, path: string, member: string): Mismatch {
  return check.locate?.(value, path, member) ?? wrong(path, member)
}

function wrong(path: string, member: string): Mismatch {
  return { path, member, problem: 'wrong value' }
}
