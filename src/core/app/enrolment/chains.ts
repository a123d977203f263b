/** The chains of CAs, as their configured files have them. */
import { AppError } from '../../base/errors.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'

export interface CaChain {
  readonly ca: string
  /** DER, the CA's own certificate first. */
  readonly chain: readonly Uint8Array[]
}

export interface CaChains {
  readonly chains: readonly CaChain[]
  /** CAs whose files cannot be read, and why. */
  readonly missing: readonly { readonly ca: string; readonly why: string }[]
}

/** Returns the chains of these CAs, as far as their files can be read. Uses no network. */
export async function chainsOf(session: Session, cas: readonly string[], open: OpenBackend): Promise<CaChains> {
  const found = await Promise.all(
    cas.map(async (ca) => {
      try {
        return { ca, chain: await (await open(session, ca)).chain() }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        return { ca, why: error.message }
      }
    }),
  )
  return {
    chains: found.flatMap((one) =>
      'chain' in one && one.chain !== undefined ? [{ ca: one.ca, chain: one.chain }] : [],
    ),
    missing: found.flatMap((one) => ('why' in one && one.why !== undefined ? [{ ca: one.ca, why: one.why }] : [])),
  }
}
