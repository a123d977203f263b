/** Nominal types over plain values: a branded value is parsed once, at the edge, and not checked again. */

export type Brand<T, B extends string> = T & { readonly __brand: B }

/** Ends a `switch` over a union: it compiles only if every case is handled. Throws if a value does not have its declared type. */
export function exhaustive(value: never): never {
  throw new TypeError(`unreachable case: ${JSON.stringify(value)}`)
}
