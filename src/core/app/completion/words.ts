/**
 * Words of a data directory that shell completion offers: handles, aggregates, ROAs, ASPAs, router keys, ID keys, names of the configuration.
 * Invariant: pure reads without a lock; what cannot be read has no words, and nothing is thrown or printed.
 */
import { resolve } from 'node:path'
import { isHandle } from '../../base/handle.js'
import { configuredAspas } from '../../ca/aspas.js'
import { configuredRouters } from '../../ca/routers.js'
import { type LoadedConfig, loadUsableConfig } from '../../config/load.js'
import { readConfigText } from '../../config/read.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { idsOf } from '../../identity/id-keys.js'
import { formatAsn } from '../../resources/asn.js'
import { formatProviders } from '../../resources/aspa-payload.js'
import { routerName } from '../../resources/router-names.js'
import { openStore } from '../../store/commit/file-store.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { caState, pubdState, taState } from '../session/context.js'

/** Kind of words. `issuers`: CAs and the trust anchor. */
export type WordSource = keyof typeof OF_AGGREGATES | keyof typeof OF_CONFIG

export interface WordPlace {
  readonly dataDir: string
  /** Default: `brine.toml` in the data directory. */
  readonly configPath: string | undefined
  /** The CA that the line names, for what belongs to a CA. */
  readonly ca: string | undefined
}

export interface Word {
  readonly word: string
  readonly note?: string
}

/** A revision that is read, and the CA of the line. */
interface Asked {
  readonly reader: StoreReader
  readonly work: Work
  readonly ca: string
}

const OF_AGGREGATES = {
  cas: ({ reader }: Asked) => handles(reader, ['ca']),
  issuers: ({ reader }: Asked) => handles(reader, ['ca', 'ta']),
  aggregates: ({ reader }: Asked) => reader.roster().map((id) => ({ word: formatAggregateId(id) })),
  children: (asked: Asked) => Object.keys(isTa(asked) ? taOf(asked).children : caOf(asked).children).map(asWord),
  parents: (asked: Asked) => Object.keys(caOf(asked).parents).map(asWord),
  roas: (asked: Asked) =>
    Object.values(caOf(asked).roas).map(({ prefix, maxLength, asn, comment }) => {
      const length = Number(prefix.split('/')[1])
      const word = `${prefix}${maxLength === length ? '' : `-${maxLength}`}=AS${asn}`
      return comment === null ? { word } : { word, note: comment }
    }),
  aspas: (asked: Asked) =>
    configuredAspas(caOf(asked)).map((own) => ({
      word: formatAsn(own.customer),
      note: formatProviders(own.providers),
    })),
  routers: (asked: Asked) =>
    configuredRouters(caOf(asked)).map(({ asn, ski, comment }) => ({
      word: routerName(asn, ski),
      note: comment ?? formatAsn(asn),
    })),
  idKeys: (asked: Asked) => idsOf(caOf(asked)).map(({ ski, notAfter }) => ({ word: ski, note: `until ${notAfter}` })),
  publishers: ({ work }: Asked) => Object.keys(pubdState(work).publishers).map(asWord),
  serverKeys: ({ work }: Asked) =>
    idsOf(pubdState(work)).map(({ ski, notAfter }) => ({ word: ski, note: `until ${notAfter}` })),
} satisfies Readonly<Record<string, (asked: Asked) => readonly Word[]>>

const OF_CONFIG = {
  labels: ({ enrolment }: LoadedConfig) => enrolment.labels.map(({ name }) => ({ word: name })),
  caIds: ({ enrolment }: LoadedConfig) => enrolment.cas.map(({ id }) => ({ word: id })),
  groups: ({ enrolment }: LoadedConfig) => enrolment.groups.map(({ name }) => ({ word: name })),
  servers: ({ repository }: LoadedConfig) => repository.servers.map(({ name }) => ({ word: name })),
} satisfies Readonly<Record<string, (loaded: LoadedConfig) => readonly Word[]>>

const asWord = (word: string): Word => ({ word })
const isTa = ({ reader, ca }: Asked): boolean =>
  reader.roster().some(({ kind, handle }) => kind === 'ta' && handle === ca)
const caOf = ({ work, ca }: Asked) => caState(work, ca as Parameters<typeof caState>[1])
const taOf = ({ work, ca }: Asked) => taState(work, ca as Parameters<typeof taState>[1])

function handles(reader: StoreReader, kinds: readonly string[]): readonly Word[] {
  return reader
    .roster()
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ handle }) => ({ word: handle }))
}

/** Returns the words; none if the data directory, its configuration or the CA cannot be read. */
export async function wordsOf(source: WordSource, place: WordPlace): Promise<readonly Word[]> {
  try {
    return source in OF_CONFIG
      ? OF_CONFIG[source as keyof typeof OF_CONFIG](await configOf(place))
      : await fromStore(OF_AGGREGATES[source as keyof typeof OF_AGGREGATES], place)
  } catch {
    return []
  }
}

function configOf({ dataDir, configPath }: WordPlace): Promise<LoadedConfig> {
  const file = configPath ?? resolve(dataDir, 'brine.toml')
  return loadUsableConfig(readConfigText(file), file)
}

function fromStore(read: (asked: Asked) => readonly Word[], { dataDir, ca }: WordPlace): Promise<readonly Word[]> {
  const named = ca !== undefined && isHandle(ca) ? ca : ''
  return openStore(dataDir).read(async (reader) => read({ reader, work: new Work(reader), ca: named }))
}
