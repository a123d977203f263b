/** Plain language: words that the project does not use, in comments, messages, the manual, README and ARCHITECTURE. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** A pattern that must not occur, and what to write in its place. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [
    /(?<!(uid|gid|user)\s*=\s*)\b(nobody|somebody|anybody|everybody|whoever)\b/i,
    'name the process, caller, operator or client',
  ],
  [/\bdesks?\b/i, 'transaction context'],
  [/\b(shelf|shelves|shelved)\b/i, 'backup repository, catalog'],
  [/\b(mend|mends|mended|mending)\b/i, 'repair'],
  [/\bvouch(es|ed|ing)?\b/i, 'reference, verify'],
  [/\bundisturbed\b/i, 'optimistic read, retry'],
  [/\bfallen\b/i, 'withdrawn'],
  [/\blanes\b/i, 'concurrency'],
  [/\brehears\w*/i, 'dry run'],
  [/\b(is|are|was|were|be|been|gets?|been) told\b|\btold at once\b|\btells? (of|the user|people)\b/i, 'report'],
  // `clock-jumped` is an error code
  [/(?<!clock-)\b(jumps?|jumped|jumping)\b/i, 'renumber, advance'],
  [/\bthe world\b/i, 'published, relying parties'],
  [/\b(a|one|the|this|each|same|whole|consistent) cuts?\b/i, 'revision, snapshot'],
  [/\b(no|more|some|the) room\b|\broom (for|of|to|left)\b/i, 'space'],
  [/\bsound\b/i, 'valid, intact'],
  [/\b(is|are|was|were|be|made|makes|become|becomes) whole\b/i, 'complete, repaired'],
  [/\bin one go\b/i, 'in one transaction, atomically'],
  [/\bfor good\b/i, 'permanently'],
  [/\ball the same\b/i, 'still'],
  [/\bhas a room of its own\b/i, 'is in its own file'],
  [/\bhandful\b/i, 'batch, a few'],
  [
    /\b(is|are|was|were) no (fault|bug|damage|failure|directory|folder|file|terminal|copy|export|checkpoint)\b/i,
    'is not a',
  ],
  [/\bGo on\?/, 'Continue?'],
  [/\b(brought|brings?|bring) together\b/i, 'reconcile'],
  [/\bstrangers?\b/i, 'untrusted input'],
  [/\bastray\b/i, 'misplaced'],
  [/\breckon\w*/i, 'compute'],
]

/** First words of a docstring that begins with a relative clause or a question. */
const RIDDLE =
  /^(What|Who|Whose|Which|Those|Everything that|Nothing|Is|Are|May|Does(?! (not|nothing)\b)|Do(?! not\b)|Has|Have|Can|Must)\b/
/** Clauses that may describe a member ("When it was issued") but not a file, type or function. */
const CLAUSE = /^(How|Whether|Where|When|Why)\b/

interface Piece {
  readonly line: number
  readonly text: string
  /** Column of a docstring; undefined for any other text. */
  readonly docstring: number | undefined
}

function filesBelow(folder: string, ending: RegExp): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name))
    .sort()
}

/** Comments and the string literals that hold a space: messages and help. */
function piecesOf(path: string): readonly Piece[] {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const out: Piece[] = []
  const seen = new Set<number>()
  const add = (pos: number, piece: string, isDocstring: boolean): void => {
    if (seen.has(pos)) return
    seen.add(pos)
    const { line, character } = source.getLineAndCharacterOfPosition(pos)
    out.push({ line: line + 1, text: piece, docstring: isDocstring ? character : undefined })
  }
  const comments = (ranges: readonly ts.CommentRange[] | undefined): void => {
    for (const { pos, end } of ranges ?? []) add(pos, text.slice(pos, end), text.startsWith('/**', pos))
  }
  const visit = (node: ts.Node): void => {
    comments(ts.getLeadingCommentRanges(text, node.getFullStart()))
    comments(ts.getTrailingCommentRanges(text, node.getEnd()))
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
    if (isText && / /.test(node.getText())) add(node.getStart(), node.getText(), false)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return out
}

function banned(path: string, line: number, text: string): readonly string[] {
  return BANNED.flatMap(([pattern, better]) => {
    const found = pattern.exec(text)
    if (found === null) return []
    const at = line + text.slice(0, found.index).split('\n').length - 1
    return [`${path}:${at}: "${found[0]}" (write: ${better})`]
  })
}

/** The text of a docstring without its marks. */
function bodyOf(comment: string): string {
  return comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .replaceAll(/^\s*\* ?/gm, '')
    .trim()
}

function isRiddle(text: string, topLevel: boolean): boolean {
  return RIDDLE.test(text) || (topLevel && CLAUSE.test(text))
}

const sources = filesBelow('src', /\.ts$/)
const pieces = new Map(sources.map((path) => [path, piecesOf(path)]))
const pages = [
  ...filesBelow('man', /\.\d$/),
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  ...filesBelow('contrib', /./),
]

describe('plain language', () => {
  it('looks at sources and pages', () => {
    expect(sources.length).toBeGreaterThan(400)
    expect(pages.length).toBeGreaterThan(25)
  })

  it('is used in every comment and message', () => {
    const found = [...pieces].flatMap(([path, all]) => all.flatMap((p) => banned(path, p.line, p.text)))
    expect(found).toEqual([])
  })

  it('is used in the manual, README, ARCHITECTURE, the change log and contrib', () => {
    const found = pages.flatMap((path) =>
      readFileSync(join(ROOT, path), 'utf8')
        .split('\n')
        .flatMap((text, at) => banned(path, at + 1, text)),
    )
    expect(found).toEqual([])
  })

  it('begins each docstring with a verb or a noun of the field', () => {
    const riddles = [...pieces].flatMap(([path, all]) =>
      all
        .filter(({ docstring, text }) => docstring !== undefined && isRiddle(bodyOf(text), docstring === 0))
        .map((p) => `${path}:${p.line}: ${bodyOf(p.text).slice(0, 80)}`),
    )
    expect(riddles).toEqual([])
  })
})
