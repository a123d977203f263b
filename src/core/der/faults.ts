/** The faults of one object, collected while it is read. Invariant: bounded, so that hostile bytes cannot make a report of megabytes. */

/** One fault of an object against its profile; prints as `file: RFC section: what is wrong`. */
export interface ObjectFinding {
  /** `RFC 6487 section 4.8.2`. */
  readonly rule: string
  readonly message: string
  /** Wrong by the standard, yet known validators accept it: worth telling the operator, no reason to distrust the object. */
  readonly tolerated?: true
}

const LIMIT = 100

export interface FindingList {
  /** Records a fault: `rule` names the standard and its section. */
  add(rule: string, message: string): void
  /** Records a fault that validators are known to accept. */
  tolerate(rule: string, message: string): void
  addAll(faults: readonly ObjectFinding[]): void
  all(): readonly ObjectFinding[]
  /** Was anything found that validators do not accept? */
  isBroken(): boolean
}

/** An empty list. The same sentence under the same rule is kept once; beyond 100 of either severity a last entry says how many more there were. */
export function createFindings(): FindingList {
  const kept = new Map<string, ObjectFinding>()
  const counts = { broken: 0, tolerated: 0 }
  const dropped = { broken: 0, tolerated: 0 }
  const put = (fault: ObjectFinding): void => {
    const key = `${fault.rule}: ${fault.message}`
    if (kept.has(key)) return
    // apart, so that a flood of trifles cannot push out the fault that counts
    const severity = fault.tolerated === true ? 'tolerated' : 'broken'
    counts[severity] += 1
    if (counts[severity] <= LIMIT) kept.set(key, fault)
    else dropped[severity] += 1
  }
  return {
    add: (rule, message) => put({ rule, message }),
    tolerate: (rule, message) => put({ rule, message, tolerated: true }),
    addAll: (faults) => {
      for (const fault of faults) put(fault)
    },
    all: () => {
      const list = [...kept.values()]
      const more = dropped.broken + dropped.tolerated
      const last = list.at(-1)
      if (more === 0 || last === undefined) return list
      const message = `and ${more} more faults, this or others`
      return [...list, { rule: last.rule, message, ...(dropped.broken === 0 && { tolerated: true as const }) }]
    },
    isBroken: () => counts.broken > 0,
  }
}

/** `file: RFC section: what is wrong`, the form in which every fault of an object is printed. */
export function formatFinding(file: string, fault: ObjectFinding): string {
  return `${file}: ${fault.rule}: ${fault.message}${fault.tolerated === true ? ' (validators accept this)' : ''}`
}
