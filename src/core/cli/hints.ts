/**
 * Hints for errors that are raised where no command is known: rules of aggregates name what is wrong, this table the command that helps.
 * `{ca}` stands for an argument or flag of the command line, or for a detail of the error.
 */
import { type AppError, rewrap } from '../base/errors.js'
import { shellWord } from '../base/shell-word.js'

const PARENT = [
  'brine ca show {under} lists the resources that it holds',
  'brine ca show {ca} lists the resources that it holds',
]
const FORMS = ['brine roa add --help shows the forms of ROAs and files']
const CHILDREN = ['brine child list {ca}']
const PARENTS = ['brine parent list {ca}']
const IDS = ['brine ca id show {ca}', 'brine pubserver id show']
const ROLL = ['brine keyroll status {ca}']
const PUBLISHERS = ['brine pubserver publisher list']
const READABLE = ['check the path, and that this user can read the file']
const HELD = ['nothing was changed; if it is meant: --yes --reason TEXT, or --max-removals N']
const REPOSITORY = ['brine repo show {ca}']

/** Hints by code, in order: the first one whose names are all known is used. */
export const HINTS: Readonly<Record<string, readonly string[]>> = {
  'ca-unknown': ['brine ca list'],
  'ca-duplicate': ['brine ca list shows the handles that are taken'],
  'ca-has-children': ['first, for each of them: brine child remove {ca} {child}', 'brine child list {ca}'],
  'ca-held-elsewhere': ['brine parent remove {ca} PARENT asks for revocation; or brine ca remove {ca} --help'],
  'child-not-held': PARENT,
  'child-no-resources': ['brine child update {ca} {child} --resources R'],
  'child-unknown': CHILDREN,
  'child-self': ['name another CA: brine ca list'],
  'child-duplicate': ['brine child show {ca} {child}', ...CHILDREN],
  'child-as-zero': ['leave AS0 out; a ROA with AS0 needs no AS number that the CA holds'],
  'child-local': ['brine child show {ca} {child}', ...CHILDREN],
  'child-key-unknown': ['brine child show {ca} {child}'],
  'class-unknown': ['brine ca show {ca} lists its resource classes'],
  'parent-unknown': PARENTS,
  'parent-duplicate': ['brine parent show {ca} {parent}', ...PARENTS],
  'parent-twin': PARENTS,
  'parent-local': ['brine parent show {ca} {parent}', ...PARENTS],
  'repository-missing': ['here: brine repo configure {ca} --local; elsewhere: brine repo request {ca}'],
  'repository-differs': REPOSITORY,
  'repository-leaving': ['brine repo status {ca} shows what the migration waits for'],
  'repository-leaving-none': REPOSITORY,
  'repository-abandoned': ['brine repo status {ca} shows what the migration waits for'],
  'repository-active': ['to go back, migrate again: brine repo request {ca}'],
  'repository-same': REPOSITORY,
  'repository-local': REPOSITORY,
  'repo-none': REPOSITORY,
  'repository-uri': ['ask the repository for another response, then: brine repo configure {ca} --response FILE'],
  'key-unknown': ROLL,
  'keyroll-open': ROLL,
  'keyroll-none': ['brine keyroll init {ca}'],
  'keyroll-pending': ['brine parent refresh {ca}, then: brine keyroll status {ca}'],
  'keyroll-resources': ['brine parent refresh {ca}, then: brine keyroll status {ca}'],
  'keyroll-too-early': ROLL,
  'keyroll-activated': ROLL,
  'id-none': ['brine ca id add {ca}', 'brine pubserver id add'],
  'id-unknown': IDS,
  'id-in-use': IDS,
  'publisher-exists': ['brine pubserver publisher show {publisher}', ...PUBLISHERS],
  'publisher-unknown': PUBLISHERS,
  'publisher-local': ['brine pubserver publisher show {publisher}', ...PUBLISHERS],
  'publisher-base': PUBLISHERS,
  'publisher-or-stale': PUBLISHERS,
  'pubserver-not-initialised': ['brine pubserver init --rsync URI --rrdp URI'],
  'pubserver-exists': ['brine pubserver show'],
  'pubserver-in-use': PUBLISHERS,
  'ta-unknown': ['brine ta init --tal-https URI --tal-rsync URI'],
  'ta-duplicate': ['brine ta show'],
  'setup-kind': ['brine inspect FILE says what a file is'],
  'est-certificate-unknown': ['brine est cert list'],
  'est-request-served': ['brine est cert list'],
  'est-request-unknown': ['brine est status lists the open requests'],
  'est-request-running': ['brine est status {id}'],
  'est-refused': ['brine est status {id}', 'brine ha status'],
  'est-password-exists': ['brine est otp list'],
  'est-password-unknown': ['brine est otp list'],
  'ha-ca-unknown': ['brine ha status lists the CAs'],
  'resources-missing': ['brine child update {ca} {child} --add R'],
  'removals-held': HELD,
  'publisher-emptied': HELD,
  'repository-emptied': HELD,
  'expiry-earlier': ['check the clock and timing in brine.toml; if it is meant: --yes --reason TEXT'],
  'repository-endangered': [
    'correct the ROA: without the route relying parties cannot fetch the correction; if it is meant: --allow-invalid-repository --reason TEXT',
  ],
  'object-too-large': ['split it: fewer ROAs of one AS in a CA'],
  'roa-too-many-asns': FORMS,
  'roa-csv': FORMS,
  'roa-json': FORMS,
  'roa-unsigned': ['brine roa update --help shows the forms of a file of changes', ...FORMS],
  'roa-prefix-invalid': FORMS,
  'roa-syntax': FORMS,
  'aspa-too-many': ['brine aspa list {ca}'],
  'router-too-many': ['brine router list {ca}'],
  'router-unknown': ['brine router list {ca}'],
  'router-as0': ['name the AS that the router speaks for with --asn'],
  'roa-too-many': ['split the file: each part is one command'],
  'resources-invalid': ['resources look like: AS64496-AS64511, 192.0.2.0/24, 2001:db8::/32'],
  'handle-invalid': ['handles have letters, digits, - _ and /, and 255 characters at most'],
  'demote-test': ['only a directory made without --test can be demoted'],
  'certificate-unreadable': ['brine inspect FILE says what a file is'],
  'tls-names': ['names look like est.example.net'],
  'range-invalid': ['exchange --from and --to'],
  'now-invalid': ['BRINE_NOW looks like 2026-11-21T23:20:00Z'],
  'file-unreadable': READABLE,
  'folder-missing': ['check the path; brine backup create FOLDER makes the first backup'],
  'server-tls-ca': ['brine config check', ...READABLE],
  'passphrase-empty': ['write the passphrase into the first line of the file'],
  'identity-invalid': ['an identity is a line that begins with AGE-SECRET-KEY-1'],
  'wait-a-second': ['run it again in a second; many changes of a CA in one command take one manifest'],
  'stdin-not-utf8': ['convert it: iconv -t UTF-8'],
  'file-not-utf8': ['convert it: iconv -t UTF-8'],
  'config-not-utf8': ['convert it: iconv -t UTF-8'],
  'seal-conflict': ['keep one of them'],
  'ha-reason-missing': ['brine ha drain {ca} --reason TEXT'],
}

/** Names that a hint can use. */
export type HintNames = Readonly<Record<string, unknown>>

/** Returns the error with a hint from the table if it has none. Details of its first violation count before the arguments. */
export function withHint(error: AppError, names: HintNames): AppError {
  if (error.hint !== undefined || (error.kind !== 'usage' && error.kind !== 'rejected')) return error
  const [first] = faultsOf(error)
  const templates = Object.hasOwn(HINTS, first?.code ?? error.code) ? HINTS[first?.code ?? error.code] : undefined
  if (templates === undefined) return error
  const known: HintNames = { ...names, ...(error.details as HintNames), ...first?.details }
  const complete = templates.find((text) => placeholders(text).every((name) => typeof known[name] === 'string'))
  const template = complete ?? templates.at(-1) ?? ''
  const hint = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = known[name]
    return typeof value === 'string' ? shellWord(value) : name.toUpperCase()
  })
  return rewrap(error, { hint, ...(error.cause === undefined ? {} : { cause: error.cause }) })
}

interface Fault {
  readonly code: string
  readonly details?: HintNames
}

function faultsOf({ details }: AppError): readonly Fault[] {
  const { faults } = details as { readonly faults?: readonly Fault[] }
  return faults ?? []
}

function placeholders(text: string): readonly string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
}
