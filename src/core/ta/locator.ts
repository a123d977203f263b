/** The trust anchor locator of a trust anchor (RFC 8630). Apart from certificate.ts: replay does not need the encoder. */
import { AppError } from '../base/errors.js'
import { spkiOf } from '../issuing/stored.js'
import { encodeTal } from '../rpki/tal.js'
import type { TaState } from './state.js'

/** Returns the trust anchor locator as text. Throws `ta-unknown` before `ta init`. */
export function taLocator(state: TaState): string {
  if (state.key === null || state.place === null)
    throw new AppError('rejected', 'ta-unknown', `there is no trust anchor ${state.handle}`, {
      hint: 'create one with: brine ta init',
    })
  return encodeTal({ comments: [], uris: state.place.uris, spki: spkiOf(state.key.spki) })
}
