/** Nominal types over plain values: a branded value was parsed once, at the edge, and is not checked again inside. */

export type Brand<T, B extends string> = T & { readonly __brand: B }

/** Closes a `switch` over a union: compiling proves that no case is missing. Throws when data lied about its type. */
export function exhaustive(value: never): never {
  throw new TypeError(`unreachable case: ${JSON.stringify(value)}`)
}
