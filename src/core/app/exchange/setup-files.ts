/** Files of RFC 8183 on the side of a server: the request that a peer's operator sends, and the URI that the answer names. */
import { AppError } from '../../base/errors.js'
import { describeFault, ProtocolFault } from '../../protocols/fault.js'
import type { ChildRequest, PublisherRequest, SetupMessage } from '../../protocols/setup/types.js'

/** Requests by the section of RFC 8183 that defines them. */
const SECTIONS: Readonly<Record<keyof Requests, string>> = { child_request: '5.2.1', publisher_request: '5.2.3' }

interface Requests {
  readonly child_request: ChildRequest
  readonly publisher_request: PublisherRequest
}

/** Reads a request and the ID certificate in it. Throws `setup-invalid` and `setup-kind` (usage). */
export async function readSetupRequest<K extends keyof Requests>(bytes: Uint8Array, kind: K): Promise<Requests[K]> {
  const [{ readSetup }, { readIdCertificate }] = await Promise.all([
    import('../../protocols/setup/decode.js'),
    import('../../protocols/cms/id-certificate.js'),
  ])
  const message = readSetup(bytes, 'the request')
  if (!isKind(message, kind))
    throw new AppError(
      'usage',
      'setup-kind',
      `the file is a ${message.kind}, not a ${kind} (RFC 8183 section ${SECTIONS[kind]})`,
    )
  try {
    readIdCertificate(message.id)
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error
    throw new AppError('usage', 'setup-invalid', `the ID certificate of the request: ${describeFault(error)}`)
  }
  return message
}

function isKind<K extends keyof Requests>(message: SetupMessage, kind: K): message is Requests[K] {
  return message.kind === kind
}

/** Refuses what is not the URI of a web server. Throws `service-uri-invalid` (usage). */
export function checkServiceBase(uri: string): void {
  if (/^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[\x21-\x7e]*)?$/.test(uri)) return
  throw new AppError('usage', 'service-uri-invalid', `not an http or https URI: ${uri}`, {
    hint: 'the URI under which the web server in front passes requests to brine cgi: https://rpki.example.net/',
  })
}
