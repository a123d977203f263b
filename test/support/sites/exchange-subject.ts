/** Subjects of sweeps on one side of two directories: the command, what it changes, and how the exchange of messages goes on. */
import { dirname, join } from 'node:path'
import type { Subject } from '../processes/sweep.js'
import { directoriesIn } from './exchanges.js'
import type { TwoDirectories } from './two-directories.js'

type On<T> = (two: TwoDirectories) => Promise<T>

export interface Steps {
  readonly run: On<unknown>
  readonly state: On<unknown>
  readonly next: On<unknown>
}

/** Returns what makes subjects of bases below a folder, with the time of their commands. */
export function subjectsIn(folder: string, now: string) {
  const two = (dir: string, at: string | undefined) => directoriesIn(dirname(dir), at)
  return (
    place: 'client' | 'server',
    name: string,
    from: string,
    steps: Steps,
    rest: Partial<Subject> = {},
  ): Subject => ({
    ...{ name, now, base: join(folder, from), place, hasPeer: true },
    run: (dir, at) => steps.run(two(dir, at)),
    state: async (dir, at) => JSON.stringify(await steps.state(two(dir, at))),
    next: (dir, at) => steps.next(two(dir, at)),
    ...rest,
  })
}
