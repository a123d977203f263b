/** The repository servers of `brine.toml`: machines that serve a copy of the published tree, and the pool files of their load balancers. */

/** Parts that a server serves and a probe checks. */
export const SERVED_PARTS = ['rrdp', 'rsync'] as const
export type ServedPart = (typeof SERVED_PARTS)[number]

export interface RepositoryServer {
  readonly name: string
  /** URI of its own notification file, under which it can be reached without the load balancer. */
  readonly notification: string | undefined
  /** Its own rsync URI of the published tree, with a final slash. */
  readonly rsync: string | undefined
  /** PEM file of the roots of its TLS certificate; unset: those of the system. */
  readonly tlsCa: string | undefined
  /** Its address in pool files. */
  readonly pool: string
  /** Target of `pubserver push`. */
  readonly push: string | undefined
}

export const POOL_FORMS = ['nginx', 'haproxy', 'list'] as const
export type PoolForm = (typeof POOL_FORMS)[number]

export interface PoolConfig {
  readonly file: string
  readonly form: PoolForm
  /** A server with a failure in one of these parts is taken out. */
  readonly parts: readonly ServedPart[]
  /** Name of the HAProxy backend; set if and only if the form is haproxy. */
  readonly backend: string | undefined
}

export interface RepositoryConfig {
  /** Seconds for all that one server is asked. */
  readonly probeTimeout: number
  /** A server may be behind for this many seconds. */
  readonly maxLag: number
  readonly servers: readonly RepositoryServer[]
  readonly pools: readonly PoolConfig[]
  /** The first fault with its line, for which none of these sections is used; null without one. */
  readonly disabled: string | null
}

export const NO_REPOSITORY: RepositoryConfig = {
  probeTimeout: 60,
  maxLag: 600,
  servers: [],
  pools: [],
  disabled: null,
}

/** Top-level name of these sections. */
export const REPOSITORY_TABLE = 'repository'
