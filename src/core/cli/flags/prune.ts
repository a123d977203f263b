/** Flag of commands that compare desired state. */
import { flag } from './flags.js'

export const pruneFlag = {
  prune: flag.boolean({
    description: 'remove what the CAs of the file have and the file does not; a list that is absent is left alone',
  }),
}
