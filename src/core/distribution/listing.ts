/** Reads the output of `rsync --list-only`. Pure. */
import { type Instant, parseInstant } from '../base/time.js'

export interface ListedEntry {
  /** Relative to the listed folder; `.` is the folder. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  readonly size: number
  /** Null if it cannot be read. */
  readonly time: Instant | null
  /** Of a symbolic link. */
  readonly target: string | null
}

const LINE = /^([a-z-])[a-zA-Z-]{9}[+@.]? +([\d,.']+) (\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d) (.+)$/
const KINDS = { '-': 'file', d: 'folder', l: 'link' } as const

/** Returns the entries of a listing made with TZ=UTC and LC_ALL=C. Lines of another form, such as a message of the day, are left out. */
export function parseListing(text: string): readonly ListedEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, type = '', size = '', year, month, day, time, rest = ''] = LINE.exec(line) ?? []
    if (type === '') return []
    const kind = type === '-' || type === 'd' || type === 'l' ? KINDS[type] : 'other'
    const [path = '', target = null] = kind === 'link' ? rest.split(' -> ', 2) : [rest]
    const at = parseInstant(`${year}-${month}-${day}T${time}Z`) ?? null
    return [{ path: unescaped(path), kind, size: Number(size.replace(/[,.']/g, '')), time: at, target }]
  })
}

/** Decodes the octets that rsync writes as `\#ooo`. */
function unescaped(path: string): string {
  return path.replace(/\\#([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
