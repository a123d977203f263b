/** Packs all that may be packed in a data directory, whatever its age, as a year of `tick` would. */
import type { Instant } from '../../../src/core/base/time.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { packedFolders } from '../../../src/core/store/packing/held-segments.js'
import { surveyPacking } from '../../../src/core/store/packing/pack-survey.js'
import { packFiles } from '../../../src/core/store/packing/segments.js'
import { findSuperfluous, removeSuperfluous } from '../../../src/core/store/packing/superfluous.js'

const BEFORE = '2000-01-01T00:00:00Z' as Instant
const AFTER = '2999-01-01T00:00:00Z' as Instant

/** Packs, and removes the single files unless they are kept. Returns the number of packed files. */
export async function packNow(dir: string, { keepSingles = false } = {}): Promise<number> {
  const store = openStore(dir)
  return store.write(async (writer) => {
    const { layout } = store
    if (writer.commitAt(writer.head).record.format < 4) writer.commitPacking()
    const { homes } = surveyPacking(layout, writer, { cutoff: AFTER, fewest: 1, liveObjects: 0 })
    let packed = 0
    for (const { folder, due } of homes)
      for (let rest = due; rest.length > 0; ) {
        const done = packFiles(layout, folder, rest, () => undefined, { fewest: 1 })
        packed += done.files
        rest = done.rest
      }
    const aggregates = writer.roster().map((id) => layout.folder(id))
    for (const folder of keepSingles ? [] : packedFolders(layout, aggregates))
      for (const found of findSuperfluous(layout, folder, [], AFTER))
        removeSuperfluous(layout, { ...found, since: BEFORE }, AFTER, () => undefined)
    return packed
  })
}
