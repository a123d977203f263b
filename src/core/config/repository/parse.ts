/** Reads the sections of the repository servers. Invariant: every key that is left out has a default; names and files are unique. */
import { type PlacedFault, TableReader, tableName } from '../tables.js'
import {
  NO_REPOSITORY,
  POOL_FORMS,
  type PoolConfig,
  type RepositoryConfig,
  type RepositoryServer,
  SERVED_PARTS,
} from './schema.js'

const NAME = { pattern: /^[a-z0-9][a-z0-9_.-]{0,63}$/, expected: 'a name of a-z, 0-9, ., - and _, up to 64' }
const NOTIFICATION = {
  pattern: /^https:\/\/[^\s/@?#]+\/[!-~]*\.xml$/,
  expected: 'the https URI of a notification file',
}
const RSYNC = {
  pattern: /^rsync:\/\/[A-Za-z0-9.:[\]-]+\/[A-Za-z0-9._~/-]+\/$/,
  expected: 'an rsync URI with a final /',
}
const ADDRESS = {
  pattern: /^[A-Za-z0-9._:[\]/-]{1,255}$/,
  expected: 'a host name or an address, with a port if needed',
}
const BACKEND = { pattern: /^[A-Za-z0-9_.:-]{1,64}$/, expected: 'the name of a HAProxy backend' }
const DAY = 86400

/** Reads the tables; findings are added to `faults`. */
export function readRepository(root: Readonly<Record<string, unknown>>, faults: PlacedFault[]): RepositoryConfig {
  const repository = new TableReader(root, [], faults).table('repository')
  const config: RepositoryConfig = {
    probeTimeout: repository.duration('probe_timeout', 1, 3600) ?? NO_REPOSITORY.probeTimeout,
    maxLag: repository.duration('max_lag', 0, 30 * DAY) ?? NO_REPOSITORY.maxLag,
    servers: repository.tables('server').map(readServer),
    pools: repository.tables('pool').map(readPool),
    disabled: null,
  }
  repository.close()
  const names = config.servers.map(({ name }) => name)
  faults.push(
    ...repeated('server', 'name', names),
    ...repeated(
      'pool',
      'file',
      config.pools.map(({ file }) => file),
    ),
  )
  for (const [n, { parts }] of config.pools.entries())
    if (names.length > 0 && !config.servers.some((one) => parts.some((part) => serves(one, part))))
      faults.push({
        place: ['repository', 'pool', n],
        message: `[[repository.pool]]: no server has a URI for ${parts.join(' or ')}`,
      })
  return config
}

/** Returns true if a server has a URI for a part. */
export function serves(server: RepositoryServer, part: 'rrdp' | 'rsync'): boolean {
  return (part === 'rrdp' ? server.notification : server.rsync) !== undefined
}

function readServer(table: TableReader): RepositoryServer {
  const name = table.required('name', NAME)
  const notification = table.text('notification', NOTIFICATION)
  const rsync = table.text('rsync', RSYNC)
  const isUnreachable = !table.has('notification') && !table.has('rsync')
  if (isUnreachable) table.wrong('name', `${tableName(table.place)}: one of notification and rsync is required`)
  const uri = notification ?? rsync
  const server = {
    name,
    notification,
    rsync,
    tlsCa: table.path('tls_ca'),
    pool: table.text('pool', ADDRESS) ?? (uri !== undefined && URL.canParse(uri) ? new URL(uri).host : name),
    push: table.text('push'),
  }
  table.close()
  return server
}

function readPool(table: TableReader): PoolConfig {
  const form = table.oneOf('form', POOL_FORMS) ?? 'nginx'
  const backend = table.text('backend', BACKEND)
  if (form === 'haproxy' && !table.has('backend'))
    table.wrong('form', `${tableName(table.place)}: the form haproxy needs the key backend`)
  if (form !== 'haproxy' && table.has('backend'))
    table.wrong('backend', `backend of ${tableName(table.place)} is only for the form haproxy`)
  const parts = table.oneOrMore('parts', SERVED_PARTS) ?? SERVED_PARTS
  const pool = { file: table.requiredPath('file'), form, parts, backend }
  table.close()
  return pool
}

function repeated(table: string, key: string, values: readonly string[]): readonly PlacedFault[] {
  return values.flatMap((value, n) =>
    value !== '' && values.indexOf(value) < n
      ? [
          {
            place: ['repository', table, n, key],
            message: `${key} ${JSON.stringify(value)} is in two [[repository.${table}]]`,
          },
        ]
      : [],
  )
}
