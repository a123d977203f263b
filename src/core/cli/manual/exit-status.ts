/** Exit codes that mean more for one command than in the table of brine(1): `static exitStatus` of its class. */

/** Returns the own exit codes of a command as loaded or as in the manifest, ascending. */
export function exitStatusOf(command: object | undefined): readonly (readonly [code: number, meaning: string])[] {
  const own: unknown = command === undefined ? undefined : Reflect.get(command, 'exitStatus')
  if (typeof own !== 'object' || own === null) return []
  return Object.entries(own).map(([code, meaning]) => [Number(code), String(meaning)] as const)
}
