/** Objects of a CA that a repository elsewhere may not have. */
import { filesAt, isUnconfirmedAt, PLACES, type Place, repositoryAt } from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import type { ConfirmedObjects } from '../../peers/confirmed-content.js'

/** Returns the URIs that a repository elsewhere has not confirmed: all of them while it is not known which of them it has. */
export function waitingObjects(
  state: CaState,
  confirmedAt: (place: Place) => ConfirmedObjects | undefined,
): ReadonlySet<string> {
  const missing = (place: Place): readonly string[] => {
    const [base, confirmed] = [repositoryAt(state, place)?.base, confirmedAt(place)]
    const files = filesAt(state, place).filter(({ sha256 }) => confirmed?.has(sha256) !== true)
    return files.map(({ name }) => `${base}${name}`)
  }
  return new Set(PLACES.filter((place) => isUnconfirmedAt(state, place)).flatMap(missing))
}
