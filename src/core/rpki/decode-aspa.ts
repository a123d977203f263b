/** ASPA contents (draft-ietf-sidrops-aspa-profile, version 1): a customer AS and its providers, sorted, each once. Read for inspection only. */

import { createFindings } from '../der/faults.js'
import { childrenOf, isType, parseInner, TAG } from '../der/reader.js'
import { readVersion } from './decode-manifest.js'
import { readAsid } from './decode-roa.js'
import type { Decoded } from './types.js'

export interface AspaContent {
  readonly customer: number
  readonly providers: readonly number[]
}

const RULE = 'ASPA profile section 3'
const MAX_PROVIDERS = 10_000

/** The ASPA in `eContent`, with every fault. */
export function decodeAspa(eContent: Uint8Array): Decoded<AspaContent> {
  const faults = createFindings()
  const node = parseInner(eContent, 'eContent', faults)
  if (node === undefined) return { content: undefined, faults: faults.all() }
  const parts = [...childrenOf(node)]
  if (node.tag !== TAG.sequence) faults.add(RULE, 'the content is not an ASProviderAttestation')
  readVersion(parts, 1n, RULE, faults)
  const [customerNode, list, ...more] = parts
  if (more.length > 0) faults.add(RULE, 'an unknown member in the attestation')
  const customer = readAsid(customerNode, RULE, faults)
  if (!isType(list, TAG.sequence)) faults.add(RULE, 'no list of providers')
  const nodes = list === undefined ? [] : childrenOf(list)
  const providers = nodes.slice(0, MAX_PROVIDERS).flatMap((item) => readAsid(item, RULE, faults) ?? [])
  if (nodes.length === 0) faults.add(RULE, 'the list of providers is empty')
  if (nodes.length > MAX_PROVIDERS) faults.add(RULE, `${nodes.length} providers, validators read ${MAX_PROVIDERS}`)
  providers.forEach((provider, i) => {
    const previous = providers[i - 1]
    if (provider === customer) faults.add(RULE, `AS${provider} is customer and provider`)
    if (previous === provider) faults.add(RULE, `provider AS${provider} is listed twice`)
    else if (previous !== undefined && previous > provider) faults.add(RULE, `provider AS${provider} is out of order`)
  })
  if (providers.includes(0) && providers.length > 1) faults.tolerate(RULE, 'AS0 stands beside other providers')
  return { content: customer === undefined ? undefined : { customer, providers }, faults: faults.all() }
}
