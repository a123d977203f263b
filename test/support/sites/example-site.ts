/** The documentation's examples made real: its files in a folder, a Dogtag that signs behind each of its URLs. */
import { copyFileSync } from 'node:fs'
import { BUILT_IN_PROFILES } from '../../../src/core/pki/profile.js'
import type { CaPeer } from '../peers/ca-peer.js'
import { DogtagPeer } from '../peers/dogtag-peer.js'
import { EnrolSite, type Pair } from './enrol-site.js'

export interface ExampleCa {
  /** `pki-east`, of `https://pki-east.example.com:8443`. */
  readonly host: string
  /** Names of files in `/etc/kipuka`. */
  readonly caCert: string
  readonly authCert: string
  readonly authKey: string
}

export class ExampleSite extends EnrolSite {
  readonly #peers = new Map<string, { readonly peer: DogtagPeer; readonly url: string }>()
  readonly #cas = new Map<string, Pair>()

  /** A Dogtag at the URL of an example; those with one `caCert` are one CA in several places. */
  async dogtag(ca: ExampleCa, profileName: string): Promise<void> {
    const profile = BUILT_IN_PROFILES.find((one) => one.name === profileName)
    if (profile === undefined) throw new Error(`no profile ${profileName}`)
    const own = this.#cas.get(ca.caCert) ?? this.ca(ca.caCert.replace('.pem', ''))
    this.#cas.set(ca.caCert, own)
    const files = this.peerFiles(ca.host, own)
    copyFileSync(files.client.cert, this.box.path(ca.authCert))
    copyFileSync(files.client.key, this.box.path(ca.authKey))
    const peer = new DogtagPeer(files, profile)
    this.#peers.set(ca.host, { peer, url: await peer.server.listen() })
  }

  /** The example with our hosts and folder in the place of its own, and nothing else changed. */
  made(text: string): string {
    const hosts = [...this.#peers].map(([host, { url }]) => [`https://${host}.example.com:8443`, url] as const)
    return hosts
      .reduce((made, [theirs, ours]) => made.replaceAll(theirs, ours), text)
      .replaceAll('/etc/kipuka/', `${this.box.dir}/`)
  }

  peer(host: string): DogtagPeer {
    const found = this.#peers.get(host)
    if (found === undefined) throw new Error(`no CA at ${host}`)
    return found.peer
  }

  server(host: string): CaPeer {
    return this.peer(host).server
  }

  /** Every request to it fails from now on. */
  fail(host: string): void {
    this.server(host).knob = 'html-500'
  }

  mend(host: string): void {
    this.server(host).knob = undefined
  }

  /** So many requests for certificates reached it. */
  asked(host: string): number {
    return this.server(host).asked.filter(({ method, path }) => method === 'POST' && path.endsWith('/certrequests'))
      .length
  }

  async close(): Promise<void> {
    for (const { peer } of this.#peers.values()) await peer.server.close()
    this.remove()
  }
}
