/** The section `[routing]` of `brine.toml`: where announcements and the VRPs of others are found, and what is not reported. */

/** An announcement whose state people have judged. */
export interface IgnoredRoute {
  /** Canonical text of the prefix. */
  readonly prefix: string
  readonly asn: number
  readonly reason: string
  /** Day of the judgement: `2026-12-02`. */
  readonly date: string
}

/** A prefix that relying parties need to reach, from `protected_prefixes`. */
export interface ProtectedPrefix {
  /** Canonical text. */
  readonly prefix: string
  /** AS that announces it; undefined if the announcements have to tell. */
  readonly asn: number | undefined
  /** As it is written. */
  readonly text: string
}

export interface RoutingConfig {
  /** Files of announcements. */
  readonly bgp: readonly string[]
  /** JSON of a validator. */
  readonly vrps: string | undefined
  /** A route that fewer peers of the collector see is left out. */
  readonly minPeers: number
  /** Seconds after which the files are too old to judge by. */
  readonly maxAge: number
  readonly ignored: readonly IgnoredRoute[]
  readonly protected: readonly ProtectedPrefix[]
  /** Hosts whose addresses are protected beside those that Brine knows itself. */
  readonly protectedHosts: readonly string[]
  /** Name servers that are asked for them, as `address` or `address:port`; empty: those of the system. */
  readonly nameServers: readonly string[]
  /** The first fault with its line, for which the section is not used; null without one. */
  readonly disabled: string | null
}

export const NO_ROUTING: RoutingConfig = {
  bgp: [],
  vrps: undefined,
  minPeers: 13,
  maxAge: 7 * 86400,
  ignored: [],
  protected: [],
  protectedHosts: [],
  nameServers: [],
  disabled: null,
}

/** Top-level name of the section. */
export const ROUTING_TABLE = 'routing'
