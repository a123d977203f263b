/**
 * Judgement of the published tree: which of its files a commit explains, and which are faults.
 * Invariant: a part of the tree that is exactly what an earlier commit published is pending; everything else that differs is a finding, against
 * the commit that explains most of it.
 */
import { type Finding, noteDamage } from '../../audit/finding.js'
import type { Watcher } from '../../audit/replay.js'
import type { State } from '../../audit/snapshots.js'
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import type { PubdState } from '../../pubd/state.js'
import { closedFolders, UNREADABLE } from '../../publication/served-modes.js'
import {
  isPartUnwritten,
  modeFindings,
  TREE_PARTS,
  type TreeFinding,
  type TreePart,
  verifyPart,
} from '../../publication/verify.js'
import { isUnserved, type PublicationTarget, servedSerials, type TrustAnchorFiles } from '../../publication/writer.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { taLocator } from '../../ta/locator.js'
import type { TaState } from '../../ta/state.js'
import { pubdState } from '../session/context.js'
import { supersededBy } from '../session/role.js'
import type { Session } from '../session/session.js'
import { publicationTarget } from '../transaction/publish-tree.js'

export interface PendingPublication {
  readonly reason: 'lags' | 'unwritten' | 'other-primary'
  /** Serial of the last commit. */
  readonly serial: number
  /** Serials that are served; null if unknown or none. */
  readonly served: { readonly rrdp: number | null; readonly rsync: number | null }
  readonly message: string
  /** The next command. */
  readonly hint: string
}

export interface TreeJudgement {
  readonly findings: readonly Finding[]
  readonly pending: PendingPublication | null
}

/** A published trust anchor of some time. */
interface Anchor {
  readonly handle: TrustAnchorFiles['handle']
  readonly certificate: Sha256
  readonly tal: string
}

/** Keeps the states that the tree may show, while history is replayed: memory does not grow with history. */
export class ServedStates {
  readonly #wanted: ReadonlySet<string>
  readonly #states = new Map<string, PubdState>()
  readonly #anchors = new Map<string, Anchor>()

  constructor(repoDir: string) {
    const { rrdp, rsync } = servedSerials(repoDir)
    // the record of the rsync tree follows its switch, so the next serial may be served already
    const served = [rrdp, rsync].flatMap((s) => (s === null ? [] : [s, { ...s, serial: s.serial + 1 }]))
    this.#wanted = new Set(served.map(keyOf))
  }

  /** Returns the watcher of a replay of the publication server or a trust anchor. */
  watcher({ kind }: AggregateId): Watcher | undefined {
    if (kind !== 'pubd' && kind !== 'ta') return undefined
    const keep = (state: unknown): void =>
      kind === 'pubd' ? this.#keep(state as PubdState) : this.#anchor(state as TaState)
    const command = (_record: unknown, _before: State, after: State): void => {
      if (after !== undefined) keep(after.value)
    }
    return { command, base: keep }
  }

  get states(): readonly PubdState[] {
    return [...this.#states.values()]
  }

  get anchors(): readonly Anchor[] {
    return [...this.#anchors.values()]
  }

  #keep(state: PubdState): void {
    const key = keyOf({ session: state.sessionId, serial: state.serial })
    if (this.#wanted.has(key)) this.#states.set(key, state)
  }

  #anchor(state: TaState): void {
    if (state.certificate === null || state.key === null || state.place === null) return
    const { sha256 } = state.certificate
    if (!this.#anchors.has(sha256))
      this.#anchors.set(sha256, { handle: state.handle, certificate: sha256, tal: taLocator(state) })
  }
}

function keyOf({ session, serial }: { readonly session: string; readonly serial: number }): string {
  return `${session} ${serial}`
}

/** Compares the published tree of a primary with the last commit, and what differs with the earlier commits that `states` kept. */
export function judgeTree(session: Session, reader: StoreReader, states: ServedStates): TreeJudgement {
  const problems: Finding[] = []
  const judged = noteDamage(problems, 'repo', () => judge(session, reader, states))
  const { findings, pending } = judged ?? { findings: problems, pending: null }
  return { findings: [...findings, ...accessProblems(session, pending !== null)], pending }
}

/**
 * Returns the findings about who can read the tree, which no commit explains. While a publication is pending, folders that it has just made
 * and that are not served yet are part of it: the next tick completes or replaces them.
 */
function accessProblems({ repoDir, store }: Session, isPending: boolean): readonly Finding[] {
  const modes = modeFindings(repoDir)
    .filter(({ path, problem }) => !(isPending && problem === UNREADABLE && isUnserved(repoDir, path)))
    .map(({ path, problem }) => ({ file: `repo/${path}`, path: '$', problem }))
  // a test directory is not served
  const closed = store.marker.test === true ? [] : closedFolders(repoDir)
  const above = closed.map(({ path, mode }) => ({
    file: path,
    path: '$',
    problem: `closes the published tree to the server's user (mode ${mode})`,
  }))
  return [...modes, ...above]
}

function judge(session: Session, reader: StoreReader, states: ServedStates): TreeJudgement {
  const work = new Work(reader)
  const site = publicationTarget(session, { work }, pubdState(work))
  const { rrdp, rsync } = servedSerials(site.repoDir)
  const { serial, sessionId } = site.state
  const served = { rrdp: rrdp?.serial ?? null, rsync: rsync?.serial ?? null }
  const parts = TREE_PARTS.map((part) => ({ part, found: verifyPart(site, part) })).filter((p) => p.found.length > 0)
  if (parts.length === 0) return { findings: [], pending: null }
  const rival = supersededBy(session)
  if (rival !== undefined) {
    const hint = rival.hint ?? 'brine status'
    return { findings: [], pending: { reason: 'other-primary', serial, served, message: rival.message, hint } }
  }
  if (rrdp?.session === sessionId && rrdp.serial > serial) {
    const problem = `serves serial ${rrdp.serial} of this session, but history ends at ${serial}: no commit explains it`
    return { findings: [{ file: 'repo/rrdp/notification.xml', path: '$', problem }], pending: null }
  }
  const explained = parts.map(({ part, found }) => explain(site, part, found, states, reader))
  const findings = explained.flatMap((e) =>
    e.found.map(({ path, problem }) => ({ file: `repo/${path}`, path: '$', problem })),
  )
  const isUnwritten = explained.every((e) => e.by === 'nothing')
  const reason = isUnwritten ? ('unwritten' as const) : ('lags' as const)
  const message = isUnwritten
    ? `the published tree was not written yet (history is at serial ${serial})`
    : `the published tree lags: it serves ${servedText(served)}, and history is at serial ${serial}`
  const pending = explained.some((e) => e.by !== 'last')
    ? { reason, serial, served, message, hint: 'brine tick' }
    : null
  return { findings: findings.sort((a, b) => (a.file < b.file ? -1 : 1)), pending }
}

function servedText({ rrdp, rsync }: PendingPublication['served']): string {
  if (rrdp === rsync) return rrdp === null ? 'no serial' : `serial ${rrdp}`
  return `serial ${rrdp ?? 'none'} by RRDP and ${rsync ?? 'none'} by rsync`
}

interface Explained {
  /** Findings that remain. */
  readonly found: readonly TreeFinding[]
  /** The commit against which they remain. */
  readonly by: 'last' | 'earlier' | 'nothing'
}

/** Finds the earlier state that explains most of what differs in a part. */
function explain(
  site: PublicationTarget,
  part: TreePart,
  found: readonly TreeFinding[],
  states: ServedStates,
  reader: StoreReader,
): Explained {
  if (isPartUnwritten(site, part)) return { found: [], by: 'nothing' }
  if (part === 'ta') return explainAnchors(site, states, reader)
  let best: Explained = { found, by: 'last' }
  for (const state of states.states) {
    const remaining = verifyPart({ ...site, state }, part)
    if (remaining.length < best.found.length) best = { found: remaining, by: 'earlier' }
  }
  return best
}

/** Explains the files of each trust anchor by one of its earlier certificates, or by the time before it. */
function explainAnchors(site: PublicationTarget, states: ServedStates, reader: StoreReader): Explained {
  const remaining: TreeFinding[] = []
  let by: Explained['by'] = 'last'
  for (const present of site.ta ?? []) {
    const found = verifyPart({ ...site, ta: [present] }, 'ta')
    if (found.length === 0) continue
    const isNew = found.every((f) => f.problem === 'is missing') && found.length === 2
    const earlier = states.anchors.flatMap(({ handle, certificate, tal }) => {
      const bytes = handle === present.handle ? objectOrNothing(reader, certificate) : undefined
      return bytes === undefined ? [] : [{ handle, certificate: bytes, tal }]
    })
    // certificate and TAL are replaced one after the other
    const mixed = earlier.flatMap((one) => [one, { ...one, tal: present.tal }, { ...present, tal: one.tal }])
    if (isNew || mixed.some((one) => verifyPart({ ...site, ta: [one] }, 'ta').length === 0)) by = 'earlier'
    else remaining.push(...found)
  }
  return { found: remaining, by }
}

function objectOrNothing(reader: StoreReader, sha256: Sha256): Uint8Array | undefined {
  try {
    return reader.object(sha256)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    return undefined
  }
}
