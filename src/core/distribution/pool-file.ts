/**
 * Pool files of load balancers: which repository servers get requests.
 * Invariants: a pool is never empty; a file is replaced atomically, and only if its content changes; it holds no times.
 */
import { utf8 } from '../base/bytes.js'
import type { PoolConfig, RepositoryServer } from '../config/repository/schema.js'
import { textOf } from '../publication/served-files.js'
import { replaceFile } from '../store/disk/write-file.js'

export interface Pool {
  /** Names of the servers that get requests, in the order of the configuration. */
  readonly members: readonly string[]
  readonly out: readonly string[]
  /** True if no server is good, and the pool stays as it was. */
  readonly isKept: boolean
}

const HEAD = '# Written by brine pubserver probe; changes are overwritten.\n'

/**
 * Returns the members of a pool: the good servers; without one those of before, and without these all. `servers` are those that belong to
 * the pool.
 */
export function poolOf(servers: readonly string[], isGood: (name: string) => boolean, before: readonly string[]): Pool {
  const good = servers.filter(isGood)
  const last = servers.filter((name) => before.includes(name))
  const members = good.length > 0 ? good : last.length > 0 ? last : servers
  return { members, out: servers.filter((name) => !members.includes(name)), isKept: good.length === 0 }
}

/** Returns the text of a pool file. */
export function poolText(
  { form, backend }: Pick<PoolConfig, 'form' | 'backend'>,
  servers: readonly Pick<RepositoryServer, 'name' | 'pool'>[],
  members: readonly string[],
): string {
  const isIn = (name: string): boolean => members.includes(name)
  const lines = {
    nginx: () => servers.map(({ name, pool }) => `server ${pool}${isIn(name) ? '' : ' down'};`),
    haproxy: () => servers.map(({ name }) => `set server ${backend}/${name} state ${isIn(name) ? 'ready' : 'maint'}`),
    list: () => servers.flatMap(({ name, pool }) => (isIn(name) ? [pool] : [])),
  }
  // the socket of HAProxy takes no comments
  return `${form === 'nginx' ? HEAD : ''}${lines[form]().join('\n')}\n`
}

/** Replaces the file if its content changes. Returns true if it did. Throws `io`. */
export function writePool(path: string, text: string): boolean {
  if (textOf(path) === text) return false
  replaceFile(path, utf8(text), { mode: 0o644 })
  return true
}
