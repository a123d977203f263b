/** Rows of a change: what it adds, removes and changes, and what follows from it. A dry run reports them before, the command after. */

/** Things that a command changes, in the words of the reports. */
export type ChangeItem =
  | 'ca'
  | 'parent'
  | 'child'
  | 'repository'
  | 'roa'
  | 'aspa'
  | 'router'
  | 'certificate'
  | 'key'
  | 'publisher'
  | 'object'
  | 'rrdp'
  | 'group'
  | 'commands'
  | 'objects'
  | 'file'
  | 'backup'

export interface ChangeRow {
  readonly change: 'add' | 'remove' | 'update'
  readonly item: ChangeItem
  /** Aggregate that it is part of, such as `ca/acme`; null for what is part of none. */
  readonly of: string | null
  readonly name: string
  readonly before: string | null
  readonly after: string | null
  readonly note: string | null
}

type Place = Pick<ChangeRow, 'item' | 'of' | 'name'> & { readonly note?: string | null }

/** Returns a row for something that is new. */
export function added({ note = null, ...place }: Place, after: string | null = null): ChangeRow {
  return { change: 'add', ...place, before: null, after, note }
}

/** Returns a row for something that is no longer there. */
export function removed({ note = null, ...place }: Place, before: string | null = null): ChangeRow {
  return { change: 'remove', ...place, before, after: null, note }
}

/** Returns a row for something that was and is there. */
export function updated({ note = null, ...place }: Place, before: string | null, after: string | null): ChangeRow {
  return { change: 'update', ...place, before, after, note }
}

/** Returns the row from a value that may be absent before or after, or nothing where both are the same. */
export function difference(place: Place, before: string | undefined, after: string | undefined): readonly ChangeRow[] {
  if (before === after) return []
  if (before === undefined) return [added(place, after)]
  return [after === undefined ? removed(place, before) : updated(place, before, after)]
}
