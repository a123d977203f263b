/**
 * Files of contrib/ for other programs: web server, rsync daemon, cron, systemd. As they are, or with the paths and host names of a data
 * directory. Invariant: nothing but the documented default values is replaced, so a file that is filled in was tested as it is.
 */
import { dirname, join } from 'node:path'
import { AppError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import { listDir } from '../../store/disk/fs.js'
import { readUserFile } from '../../store/disk/user-files.js'

/** Paths of this program and its files. */
export interface Program {
  /** Folder of contrib/. */
  readonly contrib: string
  /** Path of the program, as it was started. */
  readonly path: string
  /** Path of Node. */
  readonly node: string
}

/** Facts that a file is filled in with. */
export interface Site {
  readonly dataDir: string
  readonly repoDir: string
  /** User who owns the data directory. */
  readonly user: string
  /** `tick_period` of the configuration, seconds. */
  readonly tickPeriod: number
  /** Undefined before `pubserver init`. */
  readonly uris?: SiteUris
}

export interface SiteUris {
  readonly rsyncBase: string
  readonly rrdpBase: string
  /** URIs of the trust anchor certificate; undefined before `ta init`. */
  readonly anchorHttps?: string
  readonly anchorRsync?: string
}

const DATA_DIR = '/var/lib/brine'
const PATH = '/usr/local/bin:/usr/bin:/bin'

/** Returns the names of all files, sorted. */
export function contribNames({ contrib }: Program): readonly string[] {
  return [...listDir(contrib)].sort()
}

/** Returns the file that a name means: `nginx` is `nginx.conf`, `cron` is `brine.cron`. Throws `contrib-unknown` (usage). */
export function contribFile(program: Program, name: string): string {
  const names = contribNames(program)
  const short = (file: string): readonly string[] => {
    const rest = file.replace(/^brine[.-]/, '')
    const bare = rest.replace(/\.[^.]+$/, '')
    return [file, rest, file.replace(/\.[^.]+$/, ''), bare, ...bare.split('-')]
  }
  const exact = names.filter((file) => file === name)
  const namedBy = (words: number) => names.filter((file) => short(file).slice(0, words).includes(name))
  // a part of a name counts only where no name as a whole is meant
  const found = [exact, namedBy(4), namedBy(9)].find((some) => some.length > 0) ?? []
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const message =
    found.length > 1
      ? `several files are meant by ${JSON.stringify(name)}: ${found.join(', ')}`
      : `no file ${JSON.stringify(name)}${didYouMean(name, names.flatMap(short))}`
  throw new AppError('usage', 'contrib-unknown', message, { hint: 'brine contrib lists the files' })
}

/** Returns the text of a file, filled in unless `site` is undefined. */
export function contribText(program: Program, file: string, site: Site | undefined): string {
  const text = readUserFile(join(program.contrib, file))
  return site === undefined ? text : filledIn(text, file, program, site)
}

/** Returns the text with the values of the site. Pure. */
export function filledIn(text: string, file: string, program: Program, site: Site): string {
  const uris = site.uris === undefined ? text : withUris(text, file, site.uris)
  return withUser(withProgram(withPeriod(uris, site.tickPeriod), file, program), site.user)
    .replaceAll(`${DATA_DIR}/repo`, site.repoDir)
    .replaceAll(`ReadWritePaths=${DATA_DIR}`, `ReadWritePaths=${writable(site).join(' ')}`)
    .replaceAll(DATA_DIR, site.dataDir)
}

/** Returns the folders that `tick` writes to. */
function writable({ dataDir, repoDir }: Site): readonly string[] {
  return repoDir.startsWith(`${dataDir}/`) ? [dataDir] : [dataDir, repoDir]
}

function withUris(text: string, file: string, uris: SiteUris): string {
  if (file === 'rsyncd.conf') return rsyncModules(text, uris)
  const { host, port, path } = partsOf(uris.rrdpBase)
  const anchor = uris.anchorHttps === undefined ? '/ta/' : partsOf(uris.anchorHttps).path.replace(/[^/]*$/, '')
  return text
    .replaceAll('rpki.example.net', host)
    .replaceAll('listen 443 ssl', `listen ${port ?? 443} ssl`)
    .replaceAll('listen [::]:443 ssl', `listen [::]:${port ?? 443} ssl`)
    .replaceAll('<VirtualHost *:443>', `<VirtualHost *:${port ?? 443}>`)
    .replaceAll('location = /rrdp/', `location = ${path}`)
    .replaceAll('location /rrdp/', `location ${path}`)
    .replaceAll('location /ta/', `location ${anchor}`)
    .replaceAll('Alias /rrdp/', `Alias ${path}`)
    .replaceAll('Alias /ta/  ', `Alias ${anchor}`)
}

function rsyncModules(text: string, { rsyncBase, anchorRsync }: SiteUris): string {
  const { host, port, path } = partsOf(rsyncBase)
  const module = path.split('/')[1] ?? 'repo'
  const anchor = anchorRsync === undefined ? 'ta' : (partsOf(anchorRsync).path.split('/')[1] ?? 'ta')
  const listening = port === undefined ? '' : `port            = ${port}\n`
  return text
    .replace('rsync://rpki.example.net/repo/', rsyncBase)
    .replace('rsync://rpki.example.net/ta/ta.cer', anchorRsync ?? `rsync://${host}/ta/ta.cer`)
    .replace('\n[repo]\n', `\n[${module}]\n`)
    .replace('\n[ta]\n', `\n[${anchor}]\n`)
    .replace('uid             =', `${listening}uid             =`)
}

/** Sets the path of the program where systemd and cron need one, and that of Node where their default would not find it. */
function withProgram(text: string, file: string, { path, node }: Program): string {
  const folders = [...new Set([dirname(path), dirname(node), ...PATH.split(':')])].join(':')
  const isDefault = PATH.split(':').includes(dirname(path)) && PATH.split(':').includes(dirname(node))
  const command = path.endsWith('/brine') ? 'brine' : path
  const text2 = text.replaceAll('/usr/local/bin/brine', path)
  if (file.endsWith('.cron'))
    return text2.replaceAll(`PATH=${PATH}`, `PATH=${folders}`).replaceAll(/(?<!-u) brine /g, ` ${command} `)
  return isDefault ? text2 : text2.replace('Environment=BRINE', `Environment=PATH=${folders}\nEnvironment=BRINE`)
}

/** Sets the user; systemd takes the group of the user. */
function withUser(text: string, user: string): string {
  if (user === 'brine') return text
  return text
    .replace('User=brine\nGroup=brine\n', `User=${user}\n`)
    .replaceAll('crontab -u brine', `crontab -u ${user}`)
}

/** Periods of cron and systemd that divide an hour, in minutes, and a day, in hours. */
const MINUTES = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30]
const HOURS = [1, 2, 3, 4, 6, 8, 12, 24]

/** Sets the period of `tick`: the longest regular one that is not above `seconds`; cron has none below a minute. */
function withPeriod(text: string, seconds: number): string {
  const minutes = Math.max(1, MINUTES.findLast((one) => one * 60 <= seconds) ?? 1)
  const hours = HOURS.findLast((one) => one * 3600 <= seconds)
  const seldom =
    hours === 24
      ? (['7 0', '00:07', 'day'] as const)
      : ([`7 */${hours}`, `0/${hours}:07`, every(hours ?? 1, 'hour')] as const)
  const [cron, calendar, words] =
    hours !== undefined ? seldom : ([`*/${minutes} *`, `*:0/${minutes}`, every(minutes, 'minute')] as const)
  return text
    .replace('*/5 * * * * brine tick', `${cron} * * * brine tick`)
    .replace('OnCalendar=*:0/5', `OnCalendar=${calendar}`)
    .replace('what is due, every 5 minutes', `what is due, every ${words}`)
}

function every(count: number, unit: string): string {
  return count === 1 ? unit : `${count} ${unit}s`
}

export interface UriParts {
  readonly host: string
  readonly port: string | undefined
  /** From the first slash on. */
  readonly path: string
}

/** Returns host, port and path of a URI that was checked before. */
export function partsOf(uri: string): UriParts {
  const [, host = '', port, path = '/'] = /^[a-z]+:\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?(\/.*)$/i.exec(uri) ?? []
  return { host, port, path }
}
