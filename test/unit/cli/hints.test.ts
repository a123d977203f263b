/** Hints for errors of rules, and the house rule that each error that a user can act on has one. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { AppError, rejection } from '../../../src/core/base/errors.js'
import { HINTS, withHint } from '../../../src/core/cli/hints.js'

/** Codes whose message says all that a user can do, or that no user causes; with the reason. */
const WITHOUT_HINT: Readonly<Record<string, string>> = {
  'text-invalid': 'the message states the form',
  'key-invalid': 'the message states the form',
  'number-invalid': 'the message states the range',
  'asn-invalid': 'the message states the range',
  'duration-invalid': 'the message states the limit',
  'scenario-invalid': 'the message states the form',
  'est-note-long': 'the message states the limit',
  'ha-reason-long': 'the message states the limit',
  'file-too-long': 'the message states the limit',
  'message-too-long': 'the message states the limit',
  'stdin-too-long': 'the message states the limit',
  'state-too-large': 'the message states the limit',
  'file-too-large': 'the message states the limit',
  'state-type': 'the message states the form',
  'child-is-ca': 'the message states the list that it belongs to',
  'export-line-too-long': 'the message states the limit',
  'uri-invalid': 'the message states the fault of the URI',
  'ta-uri-invalid': 'the message states the fault of the URI',
  'setup-uri': 'the message states the fault of the URI',
  'peer-uri-invalid': 'the message states the fault of the URI',
  'setup-invalid': 'the message states the rule; another party has to correct the file',
  'message-refused': 'the sender gets it, in the words of its protocol',
  'confirmation-declined': 'the user said no',
  'child-key-reuse': 'a fault of the request of a child, which gets it',
  'child-key-differs': 'a fault of the request of a child, which gets it',
  'est-crl-unknown': 'a rule between two steps of one command',
  'ha-attempt-exists': 'a rule between two steps of one command',
  'roa-too-permissive': 'a warning, whose message says what is enough',
  'roa-as0-announced': 'a warning, not an error',
  'route-unprotected': 'a warning, not an error',
}

interface Raised {
  readonly code: string
  readonly file: string
}

/** Returns the codes of errors of kind usage and rejected without a hint, and of violations, as far as they are literals. */
function raised(folder: string): readonly Raised[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      if (!/new AppError\(|code: '/.test(text)) return []
      const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest)
      const found: Raised[] = []
      const visit = (node: ts.Node): void => {
        const code = errorCode(node, source) ?? violationCode(node, source, text)
        if (code !== undefined) found.push({ code, file: name })
        ts.forEachChild(node, visit)
      }
      visit(source)
      return found
    })
}

function errorCode(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (!ts.isNewExpression(node) || node.expression.getText(source) !== 'AppError') return undefined
  const [kind, code, , init] = node.arguments ?? []
  if (kind === undefined || !ts.isStringLiteral(kind) || !['usage', 'rejected'].includes(kind.text)) return undefined
  if (init !== undefined && /\bhint\b|\.\.\./.test(init.getText(source))) return undefined
  return code !== undefined && ts.isStringLiteral(code) ? code.text : undefined
}

/** Returns the code of `{ code: '…', message }` in a list or a return: the form of a violation. */
function violationCode(node: ts.Node, source: ts.SourceFile, text: string): string | undefined {
  if (!ts.isObjectLiteralExpression(node) || !text.includes('Violation')) return undefined
  const member = (name: string) => node.properties.find((one) => one.name?.getText(source) === name)
  const code = member('code')
  if (member('message') === undefined || member('hint') !== undefined) return undefined
  return code !== undefined && ts.isPropertyAssignment(code) && ts.isStringLiteral(code.initializer)
    ? code.initializer.text
    : undefined
}

describe('each error of usage or of a rule', () => {
  const all = raised('src')
  it('has a hint, or a reason for having none', () => {
    const known = new Set([...Object.keys(HINTS), ...Object.keys(WITHOUT_HINT)])
    expect(all.length).toBeGreaterThan(50)
    expect(all.filter(({ code }) => !known.has(code))).toEqual([])
  })

  it('is raised somewhere', () => {
    const text = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('cli/hints.ts'))
      .map((name) => readFileSync(join('src', name), 'utf8'))
      .join('\n')
    // `parent-local` and the like are put together
    const isRaised = (code: string) => text.includes(`'${code}'`) || /^(?:child|parent|publisher)-local$/.test(code)
    expect([...Object.keys(HINTS), ...Object.keys(WITHOUT_HINT)].filter((code) => !isRaised(code))).toEqual([])
  })
})

describe('withHint', () => {
  const faults = (code: string, details = {}) => rejection([{ code, message: 'm', details }])
  it('fills in arguments, flags and details', () => {
    expect(withHint(faults('ca-has-children', { child: 'b' }), { ca: 'a' }).hint).toContain('brine child remove a b')
    expect(withHint(faults('child-not-held'), { ca: 'new', under: 'top' }).hint).toMatch(/^brine ca show top /)
    expect(withHint(faults('child-not-held'), { ca: 'top' }).hint).toMatch(/^brine ca show top /)
    expect(withHint(faults('id-unknown'), {}).hint).toBe('brine pubserver id show')
    expect(withHint(faults('child-unknown'), {}).hint).toBe('brine child list CA')
    expect(withHint(faults('child-unknown'), { ca: 'a/b c' }).hint).toBe("brine child list 'a/b c'")
  })

  it('leaves other errors as they are', () => {
    const own = rejection([{ code: 'ca-unknown', message: 'm' }], 'own')
    const other = new AppError('io', 'ca-unknown', 'm')
    for (const error of [own, other, faults('constructor')]) expect(withHint(error, {})).toBe(error)
    const cause = new Error('x')
    expect(withHint(new AppError('usage', 'ca-unknown', 'm', { cause }), {}).cause).toBe(cause)
  })
})
