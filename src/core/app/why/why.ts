/**
 * Use case of `brine why`: from a VRP to its object, its certificates and the commands that made it, or why there is no such VRP; now, or as of
 * a time. Invariant: a pure read of one revision, whose history is verified on the way.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Moment } from '../../base/moment.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { payloadOf } from '../../ca/products/roa-index.js'
import { datesText, scheduledOf } from '../../ca/roa-schedule.js'
import { heldSets } from '../../ca/roas.js'
import { isUnconfirmed } from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import { prefixCovers } from '../../resources/prefix.js'
import { containsPrefix } from '../../resources/resource-set.js'
import { formatRoaPayload, parseRoaPayload } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import { decodeSignedObject } from '../../rpki/signed-object/decode-envelope.js'
import { revisionAt } from '../proof/past-reader.js'
import { type Histories, readHistories } from '../proof/past-state.js'
import { readCas } from '../session/context.js'
import type { Session } from '../session/session.js'
import { absentAnswer, presentAnswer } from './answers.js'
import { type Bundle, bundleOf } from './bundle.js'
import { type Chain, chainOf } from './chain.js'
import { bytesOf, type PublishedRoa, publishedRoa } from './published-roa.js'
import type { WhyObject, WhyReport } from './report.js'
import { publicationOf, type StoryStep, storyOf } from './story.js'

interface Found {
  readonly state: CaState
  readonly roa: PublishedRoa
  readonly chain: Chain
}

/** Answers for one VRP. `wantsBundle`: with the files that prove it. Throws `roa-syntax` and others (usage), and for a time as `revisionAt` does. */
export function why(
  session: Session,
  text: string,
  options: { readonly at?: Moment | undefined; readonly wantsBundle?: boolean } = {},
): Promise<{ readonly report: WhyReport; readonly bundle: Bundle | undefined }> {
  const payload = payloadFrom(text)
  return readHistories(session, (histories) => {
    const revision =
      options.at === undefined
        ? { reader: histories.reader, commit: histories.reader.head, asked: histories.now }
        : revisionAt(histories, options.at)
    const work = new Work(revision.reader)
    const report = reportOf(session, histories, work, { payload, ...revision })
    const wanted = options.wantsBundle === true
    return { report, bundle: wanted ? bundleOf(report, (sha256) => bytesOf(work.reader, sha256), work) : undefined }
  })
}

function payloadFrom(text: string): RoaPayload {
  const parsed = parseRoaPayload(text)
  if ('ok' in parsed) return parsed.ok.payload
  const [first] = parsed.faults
  throw new AppError('usage', first?.code ?? 'roa-syntax', first?.message ?? text, {
    hint: 'brine why "192.0.2.0/24 => 64496"',
  })
}

interface Question {
  readonly payload: RoaPayload
  readonly asked: Instant
  readonly commit: number
}

function reportOf(session: Session, histories: Histories, work: Work, { payload, asked, commit }: Question): WhyReport {
  const vrp = formatRoaPayload(payload)
  const { cas, failed } = readCas(work)
  const found = cas.flatMap((state): readonly Found[] => {
    const roa = publishedRoa(work.reader, state, vrp, payload, session.timing)
    return roa === undefined ? [] : [{ state, roa, chain: chainOf(work, state, roa.resourceClass, roa.key) }]
  })
  const best = found.find(({ chain }) => chain.end !== 'broken') ?? found[0]
  const configured = cas.find((state) => entry(state.roas, vrp) !== undefined)
  const later = cas.find((state) => scheduledOf(state, vrp)?.from !== undefined)
  const story = storiesOf(histories, commit, vrp, payload, best?.state.handle ?? configured?.handle)
  const answer =
    best === undefined
      ? absentAnswer(
          { ...factsOf(cas, vrp, payload, configured), ...scheduledFacts(later, vrp, asked) },
          story,
          payload,
        )
      : presentAnswer(best.state.handle, best.chain, isUnconfirmed(best.state), scheduledOf(best.state, vrp)?.until)
  const issued =
    best === undefined ? undefined : story.findLast(({ what }) => what.includes('issued') || what.includes('reissued'))
  return {
    vrp,
    at: asked,
    commit,
    present: answer.code === 'published',
    answer,
    ca: (best?.state ?? configured ?? later)?.handle ?? null,
    object: best === undefined ? null : objectOf(best, found),
    chain: best?.chain.links ?? [],
    chainEnd: best?.chain.end ?? null,
    published:
      best === undefined || issued === undefined
        ? null
        : (publicationOf(histories, issued.commit, commit, best.roa.object.sha256) ?? null),
    story,
    failed: failed.map(({ ca, error }) => ({ ca, message: error.message })),
  }
}

/** Returns the story in one CA; without one, that in every CA that there was, in the order of time. */
function storiesOf(
  histories: Histories,
  commit: number,
  vrp: string,
  payload: RoaPayload,
  ca: Handle | undefined,
): readonly StoryStep[] {
  const ids = histories.chain.roster.filter(({ kind, handle }) => kind === 'ca' && (ca === undefined || handle === ca))
  return ids.flatMap((id) => storyOf(histories, id, commit, vrp, payload)).sort((a, b) => a.commit - b.commit)
}

function objectOf({ roa, state }: Found, all: readonly Found[]): WhyObject {
  const { name, uri, object, bytes } = roa
  const certificate = bytes === undefined ? undefined : decodeSignedObject(bytes).content?.ee
  const { sha256, size, serial, notAfter } = object
  const alsoBy = all.map((one) => one.state.handle).filter((handle) => handle !== state.handle)
  return { name, uri, sha256, size, serial, notBefore: certificate?.notBefore ?? null, notAfter, alsoBy }
}

function scheduledFacts(state: CaState | undefined, vrp: string, asked: Instant) {
  const own = state === undefined ? undefined : scheduledOf(state, vrp)
  if (state === undefined || own?.from === undefined) return {}
  return { scheduled: { ca: state.handle, dates: datesText(own), isDue: own.from <= asked } }
}

function factsOf(cas: readonly CaState[], vrp: string, payload: RoaPayload, configured: CaState | undefined) {
  const holds = (state: CaState): boolean => heldSets(state).some((set) => containsPrefix(set, payload.prefix))
  return {
    vrp,
    configured: configured === undefined ? null : { ca: configured.handle, isHeld: holds(configured) },
    holders: cas.filter(holds).map(({ handle }) => handle),
    near: cas.flatMap(({ handle, roas }) =>
      Object.entries(roas).flatMap(([text, config]) => {
        const { prefix, asn } = payloadOf(config)
        const isNear =
          text !== vrp &&
          (prefixCovers(prefix, payload.prefix) || (asn === payload.asn && prefixCovers(payload.prefix, prefix)))
        return isNear ? [`${text} of ${handle}`] : []
      }),
    ),
  }
}
