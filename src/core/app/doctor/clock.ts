/** Checks of the clock: against the times of files, and whether a time service confirms it. */
import { newestChange } from '../../audit/host-survey.js'
import type { ClockSigns } from '../../base/clock-advance.js'
import { type Instant, instantOf, secondsBetween } from '../../base/time.js'
import { layoutOf } from '../../store/disk/paths.js'
import { type DoctorCheck, ok, warning } from './check.js'

/** Seconds that the clocks of a machine and its file server may differ. */
const SKEW = 60

/** Checks the clock against the times that the file system has given to the newest files. */
export function fileTimeChecks(dir: string, now: Instant): readonly DoctorCheck[] {
  const { commits, status } = layoutOf(dir)
  const newest = newestChange([dir, commits, status])
  if (newest === undefined) return []
  const at = instantOf(Math.floor(newest))
  const ahead = secondsBetween(now, at)
  if (ahead <= SKEW) return []
  return [
    warning(
      'clock',
      'file-time-ahead',
      `the clock is at ${now}, and the newest file is of ${at}`,
      'set the clock of this machine, or of the server of the file system',
    ),
  ]
}

/** Checks the clock; `signs` is undefined if the directory cannot be opened. */
export async function clockChecks(
  signs: ClockSigns | undefined,
  dir: string,
  now: Instant,
): Promise<readonly DoctorCheck[]> {
  const times = fileTimeChecks(dir, now)
  if (signs === undefined || times.length > 0) return times
  if (await signs.isSynchronized()) return [ok('clock', `${now}, synchronised`)]
  const message = `${now}, and neither systemd-timesyncd, timedatectl nor chronyc says that it is synchronised`
  return [warning('clock', 'clock-unconfirmed', message, 'run a time service, such as chrony')]
}
