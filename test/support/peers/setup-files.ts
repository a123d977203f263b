/** Files of the RFC 8183 exchange as another operator's program writes them, with an ID key of that operator. */
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { createSoftSigner } from '../../../src/core/crypto/soft-signer.js'
import { makeIdCertificate } from '../../../src/core/protocols/cms/id-certificate.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { fixedKeys } from '../rpki/fixed-keys.js'
import { createMemoryKeyStore } from '../store/memory-key-store.js'

/** Returns the DER of an ID certificate of an operator elsewhere, another one for another serial. */
export async function foreignId(serial = 1n): Promise<Uint8Array> {
  const signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys() })
  const { id: ski, spki } = await signer.createKey()
  const [notBefore, notAfter] = ['2026-01-01T00:00:00Z', '2041-01-01T00:00:00Z'] as [Instant, Instant]
  return makeIdCertificate({ ski, spki, sign: (tbs) => signer.sign(ski, tbs), notBefore, notAfter, serial })
}

/** Returns a child_request for a child of this handle. */
export async function childRequest(handle: string): Promise<string> {
  return encodeSetup({ kind: 'child_request', childHandle: parseHandle(handle), id: await foreignId() })
}

/** Returns a publisher_request for a publisher of this handle. */
export async function publisherRequest(handle: string, serial = 1n): Promise<string> {
  const publisherHandle = parseHandle(handle)
  return encodeSetup({ kind: 'publisher_request', publisherHandle, id: await foreignId(serial), referrals: [] })
}

/** Returns a parent_response to a child of this handle; by default nothing listens at its server, which is private. */
export async function parentResponse(
  handle: string,
  serviceUri = 'http://127.0.0.1:9/rfc6492/registry',
): Promise<string> {
  return encodeSetup({
    ...{ kind: 'parent_response', serviceUri, offer: false, referrals: [] },
    ...{ childHandle: parseHandle(handle), parentHandle: parseHandle('registry'), id: await foreignId() },
  })
}

interface RepositoryUris {
  readonly serviceUri?: string
  readonly siaBase?: string
  readonly rrdpNotificationUri?: string
}

/** Returns a repository_response to a publisher of this handle; by default nothing listens at its server, which is private. */
export async function repositoryResponse(handle: string, uris: RepositoryUris = {}): Promise<string> {
  return encodeSetup({
    ...{ kind: 'repository_response', serviceUri: 'http://127.0.0.1:9/rfc8181/registry' },
    ...{ publisherHandle: parseHandle(handle), siaBase: `rsync://registry.example/repo/${handle}/` },
    ...{ rrdpNotificationUri: 'https://registry.example/rrdp/notification.xml', id: await foreignId() },
    ...uris,
  })
}
