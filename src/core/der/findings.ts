/** Findings about one object, collected while it is read. Invariant: bounded, so that hostile bytes cannot make a report of megabytes. */

/** One departure of an object from DER or from its profile; prints as `file: RFC section: what is wrong`. */
export interface ObjectFinding {
  /** `RFC 6487 section 4.8.2`. */
  readonly rule: string
  readonly message: string
  /** Wrong by the standard, yet known validators accept it: worth reporting, no reason to distrust the object. */
  readonly tolerated?: true
  /** Legal by the standards, yet this validator refuses the object. */
  readonly refusedBy?: 'rpki-client'
}

/** A value that was read from an object, and every finding about it. `content` is undefined only when too little could be read. */
export interface Decoded<T> {
  readonly content: T | undefined
  readonly findings: readonly ObjectFinding[]
}

/** Findings that are kept of each severity. */
const LIMIT = 100

export interface FindingList {
  /** Records a finding: `rule` names the standard and its section. */
  add(rule: string, message: string): void
  /** Records a finding that validators are known to accept. */
  tolerate(rule: string, message: string): void
  /** Records something that breaks no rule, and that rpki-client refuses. */
  refused(rule: string, message: string): void
  addAll(findings: readonly ObjectFinding[]): void
  all(): readonly ObjectFinding[]
  /** Returns true if anything was found that validators do not accept. */
  isBroken(): boolean
}

/** Returns an empty list. The same sentence under the same rule is kept once; beyond 100 of either severity a last entry says how many more there were. */
export function createFindings(): FindingList {
  const kept = new Map<string, ObjectFinding>()
  const counts = { broken: 0, refused: 0, tolerated: 0 }
  const dropped = { broken: 0, refused: 0, tolerated: 0 }
  const put = (finding: ObjectFinding): void => {
    const key = `${finding.rule}: ${finding.message}`
    if (kept.has(key)) return
    // counted apart, so that a flood of tolerated findings cannot push out a serious one
    const severity = severityOf(finding)
    counts[severity] += 1
    if (counts[severity] <= LIMIT) kept.set(key, finding)
    else dropped[severity] += 1
  }
  return {
    add: (rule, message) => put({ rule, message }),
    tolerate: (rule, message) => put({ rule, message, tolerated: true }),
    refused: (rule, message) => put({ rule, message, refusedBy: 'rpki-client' }),
    addAll: (findings) => {
      for (const finding of findings) put(finding)
    },
    all: () => {
      const list = [...kept.values()]
      const more = dropped.broken + dropped.refused + dropped.tolerated
      const last = list.at(-1)
      if (more === 0 || last === undefined) return list
      const message = `and ${more} more findings, of this rule or others`
      return [
        ...list,
        { rule: last.rule, message, ...(dropped.broken + dropped.refused === 0 && { tolerated: true as const }) },
      ]
    },
    isBroken: () => counts.broken + counts.refused > 0,
  }
}

/** Severity of a finding: `broken` breaks a rule; `refused` breaks none, and one validator refuses it; `tolerated` is accepted by all. */
export type Severity = 'broken' | 'refused' | 'tolerated'

export function severityOf(finding: ObjectFinding): Severity {
  if (finding.tolerated === true) return 'tolerated'
  return finding.refusedBy === undefined ? 'broken' : 'refused'
}

/** Text added to a finding, by its severity. */
export const NOTES: Readonly<Record<Severity, string>> = {
  broken: '',
  refused: ' (legal, but rpki-client refuses it)',
  tolerated: ' (validators accept this)',
}

/** Returns `file: RFC section: what is wrong`, the form in which every finding about an object is printed. */
export function formatFinding(file: string, finding: ObjectFinding): string {
  return `${file}: ${finding.rule}: ${finding.message}${NOTES[severityOf(finding)]}`
}
