/** The trust anchor itself: its key, its self-signed certificate, and the renewal of all that it publishes. */
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { isPublishedObject } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { checkUri } from '../rpki/x509/uri.js'
import { certificateDue, issueTaCertificate } from './certificate.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { isTaKey, isTaPlace, type TaPlace, type TaState } from './state.js'

const event = eventsOn<TaState>()

export const lifecycleEvents = {
  'ta.initialised': event({ key: isTaKey, place: isTaPlace }, (state, { key, place }) => {
    return { ...state, status: 'active', key, place }
  }),
  'ta.certificate.issued': event({ certificate: isPublishedObject }, (state, { certificate }) => {
    return { ...state, certificate }
  }),
}
type LifecycleEvent = EventOf<typeof lifecycleEvents>

const command = commandsOn<TaState, LifecycleEvent | PublishingEvent, IssuingPorts>()

export const lifecycleCommands = {
  'ta.init': command<{ readonly place: TaPlace }>({
    check: ({ status, handle }, { place }) =>
      status === 'active'
        ? [{ code: 'ta-duplicate', message: `trust anchor ${handle} already exists` }]
        : checkLocatorUris(place.uris),
    decide: async (_, { place }, ports) => {
      const { id: ski, spki } = await ports.signer.createKey()
      return {
        events: [{ type: 'ta.initialised', key: { ski, spki: toBase64(spki) }, place }],
        followUp: async (state) => reconciled([await certificateIssued(state, ports)], ports),
      }
    },
    publishesOnly: false,
    summarize: ({ place: { uris, base, notify } }) => ({ uris: [...uris], base, notify }),
  }),
  republish: command<{ readonly force: boolean }>({
    check: () => [],
    decide: async (state, { force }, ports) =>
      reconciled(certificateDue(state, ports) ? [await certificateIssued(state, ports)] : [], ports, { force }),
    publishesOnly: true,
    summarize: ({ force }) => ({ force }),
  }),
}

/** Returns the violations of the URIs in the trust anchor locator, which cannot be changed later (RFC 8630 section 2.2). */
function checkLocatorUris(uris: readonly string[]): readonly Violation[] {
  const rule = 'RFC 8630 section 2.2'
  const found = uris.flatMap((uri) => [
    ...checkUri('TAL URI', uri, ['rsync', 'https'], rule),
    ...(uri.endsWith('.cer') ? [] : [{ rule, message: `TAL URI ${quoted(uri)} does not end in .cer` }]),
  ])
  return found.map(({ message }) => ({ code: 'ta-uri-invalid', message }))
}

async function certificateIssued(state: TaState, ports: IssuingPorts): Promise<LifecycleEvent> {
  return { type: 'ta.certificate.issued', certificate: await issueTaCertificate(state, ports) }
}
