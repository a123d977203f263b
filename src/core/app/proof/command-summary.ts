/**
 * One line on a recorded command: `+2 ROAs, -1`, `child branch 10.0.0.0/24`. Pure, from the stored record alone.
 * Invariant: every type of command has a rule (checked by the compiler); a record of an older version that lacks a member gives a shorter line.
 */
import type { Json } from '../../base/json.js'
import { formatDuration } from '../../base/time.js'
import type { CaCommand } from '../../ca/aggregate.js'
import type { EstCommand } from '../../est/aggregate.js'
import type { CommandSummary, Kind } from '../../eventsourcing/types.js'
import type { HaCommand } from '../../ha/aggregate.js'
import type { PubdCommand } from '../../pubd/aggregate.js'
import { storedResourceLine } from '../../resources/resource-set.js'
import type { TaCommand } from '../../ta/aggregate.js'

type Args = Readonly<Record<string, Json | undefined>>
type Rule = (args: Args) => string
type Rules<C extends { readonly type: string }> = Readonly<Record<C['type'], Rule>>

const republish: Rule = ({ force }) => (force === true ? 'all of it' : 'what was due')
const numbers: Rule = ({ atLeast }) => line('from', atLeast, 'on')
const clock: Rule = ({ objects }) =>
  typeof objects === 'number' && objects > 0
    ? `to the present, ${objects} ${objects === 1 ? 'object' : 'objects'} again`
    : 'to the present'
const child: Rule = (args) => line('child', args['child'], resources(args['resources']))
const certify: Rule = (args) => line('child', args['child'], 'key', args['ski'])

const certifyAll: Rule = ({ certified, revoked }) => {
  const [made, ended] = [countOf(certified, 'certificate'), countOf(revoked, 'key')]
  return Array.isArray(revoked) && revoked.length > 0 ? `${made}, ${ended} revoked` : made
}
const suspend: Rule = ({ child: name, also }) =>
  line('child', name, texts(also).length === 0 ? '' : `and ${texts(also).length} more`)

const CA: Rules<CaCommand> = {
  'ca.add': ({ under, resources: given }) => line(labelled('under', under), labelled('with', resources(given))),
  'ca.remove': ({ abandon }) => flagged(abandon, 'with what others still have of it'),
  'repository.configure': ({ base }) => line(base),
  'parent.add': ({ parent }) => line('parent', parent),
  'parent.sync': ({ parent, resources: given }) => line('parent', parent, resources(given)),
  'certificate.receive': ({ class: name, resources: given }) =>
    line('class', name, labelled('holds', resources(given))),
  'child.add': child,
  'child.update': child,
  'child.remove': child,
  'child.certify': certify,
  'children.certify': certifyAll,
  'child.revoke': certify,
  'child.suspend': suspend,
  'child.unsuspend': ({ child: name }) => line('child', name),
  'id.add': () => 'new ID key',
  'id.renew': ({ ski }) => line('certificate of ID key', ski ?? 'newest'),
  'id.retire': ({ ski }) => line('ID key', ski),
  'id.offer': ({ to }) => line('request for', to),
  'parent.contact': ({ parent, serviceUri }) => line('parent', parent, labelled('at', serviceUri)),
  'parent.list': ({ parent, classes }) => line('parent', parent, countOf(classes, 'class')),
  'parent.remove': ({ parent }) => line('parent', parent),
  'repository.contact': ({ base, serviceUri }) => line(base, labelled('by', serviceUri)),
  'repository.confirm': () => 'the server has it',
  'repository.return': () => 'the migration is taken back',
  'repository.migrate': ({ base }) => line('to', base),
  'repository.abandon': () => 'nothing is sent to the old repository any more',
  'repository.leave': () => 'nothing is left in the old repository',
  'child.contact': ({ child: name }) => line('child', name, 'sends messages'),
  'child.hear': ({ child: name }) => line('child', name),
  'aspas.update': ({ added, changed, removed }) =>
    [...texts(added).map((text) => `+${text}`), ...texts(changed), ...texts(removed).map((text) => `-${text}`)].join(
      '; ',
    ),
  'routers.update': ({ added, changed, removed, replaced }) =>
    [
      ...texts(added).map((text) => `+${text}`),
      ...texts(changed),
      ...texts(removed).map((text) => `-${text}`),
      ...texts(replaced).map((text) => `replaces ${text}`),
    ].join('; '),
  'roas.update': ({ added, removed, annotated }) => changedRoas(texts(added), texts(removed), texts(annotated).length),
  republish,
  'numbers.raise': numbers,
  'keyroll.init': ({ class: name, activateAfter, compromised }) =>
    line(
      rolled(name),
      typeof activateAfter === 'number' ? `activated ${formatDuration(activateAfter)} after staging` : '',
      flagged(compromised, 'compromised'),
    ),
  'keyroll.activate': ({ class: name, now, compromised }) =>
    line(rolled(name), flagged(now, 'without the staging time'), flagged(compromised, 'compromised')),
  'keyroll.cancel': ({ class: name }) => rolled(name),
  'keyroll.finish': ({ class: name, ski }) => line(rolled(name), 'key', ski, 'revoked'),
  'keys.destroy': ({ skis }) => line('private', texts(skis).length === 1 ? 'key' : 'keys', texts(skis).join(', ')),
  'clock.reset': clock,
}

const TA: Rules<TaCommand> = {
  'ta.init': ({ base }) => line(base),
  'child.add': child,
  'child.update': child,
  'child.remove': child,
  'child.certify': certify,
  'children.certify': certifyAll,
  'child.revoke': certify,
  'child.suspend': suspend,
  'child.unsuspend': ({ child: name }) => line('child', name),
  republish,
  'numbers.raise': numbers,
  'clock.reset': clock,
}

const PUBD: Rules<PubdCommand> = {
  'pubserver.init': ({ rsyncBase }) => line(rsyncBase),
  'session.reset': () => 'new RRDP session',
  'pubserver.clear': () => 'no publication server',
  'publisher.add': ({ publisher, base }) => line(publisher, base),
  'publisher.remove': ({ publisher }) => line(publisher),
  'id.add': () => 'new ID key',
  'id.renew': ({ ski }) => line('certificate of ID key', ski ?? 'newest'),
  'id.retire': ({ ski }) => line('ID key', ski),
  'publisher.contact': ({ publisher }) => line(publisher, 'sends messages'),
  'publisher.hear': ({ publisher }) => line(publisher),
  publish: ({ changes }) => published(changes),
  'objects.purge': ({ uri }) => line(uri),
  'clock.reset': clock,
}

const HA: Rules<HaCommand> = {
  'enroll.start': ({ group }) => line('group', group),
  'enroll.direct': ({ ca }) => line(ca),
  'enroll.finish': ({ ca, outcome }) => line(ca, outcome),
  'probes.start': ({ cas }) => texts(cas).join(', '),
  'probes.finish': ({ outcomes }) => texts(outcomes).join(', '),
  'resume.finish': ({ ca, outcome }) => line(ca, outcome),
  'override.set': ({ ca, mode, until }) => line(ca, mode, labelled('until', until)),
  'override.end': ({ ca }) => line(ca),
  'clock.reset': clock,
}

const EST: Rules<EstCommand> = {
  'certificate.record': ({ label, serial, ca }) => line(label, 'serial', serial, 'of', ca),
  'certificate.revoke': ({ id, reason }) => line(id, reason),
  'crl.number': ({ ca }) => line(ca),
  'crl.record': ({ ca, number, nextUpdate }) => line(ca, 'number', number, 'until', nextUpdate),
  'request.open': ({ label, subject, ca }) => line(label, subject, 'at', ca),
  'request.ask': ({ id, ca }) => line(id, 'at', ca),
  'request.serve': ({ id }) => line(id),
  'request.wait': ({ id, reference }) => line(id, 'as', reference),
  'request.lose': ({ id, message }) => line(id, message),
  'request.end': ({ id, why, message }) => line(id, why, message),
  'password.create': ({ id, label, uses }) => line(id, 'for', label, labelled('uses', uses)),
  'password.revoke': ({ id }) => line(id),
  'clock.reset': clock,
  'records.survey': ({ issuers, compromised }) =>
    line(labelled('CAs', issuers), labelled('compromised keys', compromised)),
  'key.compromise': ({ key }) => line(key),
}

const RULES: Readonly<Record<Kind, Readonly<Record<string, Rule>>>> = { ca: CA, ta: TA, pubd: PUBD, ha: HA, est: EST }

/** The record of a recovery, which no aggregate declares. */
const recovered: Rule = ({ lostTotal }) => (lostTotal === 0 ? 'nothing lost' : line(lostTotal, 'lost'))

/** Returns the line; '' for a type that this program does not know, and where there is nothing to say. */
export function commandSummary(kind: Kind, { type, args }: CommandSummary): string {
  if (args === null || typeof args !== 'object' || Array.isArray(args)) return ''
  const own = RULES[kind]
  const rule = type === 'recover' ? recovered : Object.hasOwn(own, type) ? own[type] : undefined
  return rule?.(args as Args) ?? ''
}

function countOf(list: Json | undefined, one: string): string {
  const count = Array.isArray(list) ? list.length : 0
  return `${count} ${one}${count === 1 ? '' : one.endsWith('s') ? 'es' : 's'}`
}

/** Joins what there is with blanks. */
function line(...parts: readonly (Json | undefined)[]): string {
  return parts
    .filter((part) => (typeof part === 'string' && part !== '') || typeof part === 'number')
    .map(String)
    .join(' ')
}

function labelled(label: string, value: Json | undefined): string {
  const text = line(value)
  return text === '' ? '' : `${label} ${text}`
}

function resources(value: Json | undefined): string {
  return storedResourceLine(value) ?? ''
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

/** Returns `text` for a flag that is set. */
function flagged(flag: Json | undefined, text: string): string {
  return flag === true ? text : ''
}

/** Returns the class of a key roll; every class where none is named. */
function rolled(name: Json | undefined): string {
  return typeof name === 'string' ? `class ${name}` : 'every class'
}

/** Returns the ROA where there is one only, else how many. */
function changedRoas(added: readonly string[], removed: readonly string[], annotated: number): string {
  const comments = annotated === 0 ? [] : [`${annotated} ${annotated === 1 ? 'comment' : 'comments'}`]
  const isChanged = added.length + removed.length > 0 || annotated === 0
  return [...(isChanged ? [roas(added, removed)] : []), ...comments].join(', ')
}

function roas(added: readonly string[], removed: readonly string[]): string {
  const [plus, minus] = [added[0], removed[0]]
  if (added.length === 1 && removed.length === 0) return `+${plus}`
  if (removed.length === 1 && added.length === 0) return `-${minus}`
  const unit = (n: number): string => `${n} ${n === 1 ? 'ROA' : 'ROAs'}`
  if (added.length === 0) return `-${unit(removed.length)}`
  return removed.length === 0 ? `+${unit(added.length)}` : `+${unit(added.length)}, -${removed.length}`
}

/** Longest list of publishers that is named one by one. */
const NAMED = 3

function published(changes: Json | undefined): string {
  const all = (Array.isArray(changes) ? changes : []).map((one) => one as Args)
  const sum = (key: string, list: readonly Args[]): number => list.reduce((n, one) => n + Number(one[key] ?? 0), 0)
  const counts = (list: readonly Args[]): string => `+${sum('put', list)} -${sum('drop', list)}`
  if (all.length > NAMED) return `${all.length} publishers ${counts(all)}`
  return all.map((one) => line(one['publisher'], counts([one]))).join(', ')
}
