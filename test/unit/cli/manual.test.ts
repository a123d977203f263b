/** Manual pages and the list of commands follow from the manifest alone. */
import { describe, expect, test } from 'vitest'
import { EXIT_CODES } from '../../../src/core/cli/exit-codes.js'
import { EXIT_STATUS } from '../../../src/core/cli/manual/facts.js'
import type { Manifest, ManifestCommand } from '../../../src/core/cli/manual/manifest.js'
import { usage } from '../../../src/core/cli/manual/manifest.js'
import { manualPages } from '../../../src/core/cli/manual/pages.js'
import { escapeRoff, synopsis } from '../../../src/core/cli/manual/roff.js'
import { commandSurface, missingLines } from '../../../src/core/cli/manual/surface.js'
import { ENROLMENT_SECTIONS } from '../../../src/core/config/enrolment/keys.js'
import { KEYS } from '../../../src/core/config/schema.js'

const dataDir = {
  name: 'data-dir',
  type: 'option',
  helpGroup: 'GLOBAL',
  helpValue: 'DIR',
  env: 'BRINE_DATA_DIR',
  description: 'the data directory',
} as const

const add: ManifestCommand = {
  id: 'roa:add',
  summary: 'add ROAs to a CA',
  description: 'First.\nSecond.',
  examples: ['<%= config.bin %> roa add acme "192.0.2.0/24 => 64496"'],
  args: {
    ca: { name: 'ca', required: true, description: 'the CA' },
    roa: { name: 'roa', required: true, multiple: true, description: 'what to add' },
  },
  flags: {
    level: { name: 'level', type: 'option', options: ['warning', 'critical'], multiple: true },
    file: { name: 'file', type: 'option', helpValue: 'FILE', required: true, dependsOn: ['level'] },
    'dry-run': { name: 'dry-run', type: 'boolean', description: 'change nothing' },
    secret: { name: 'secret', type: 'boolean', hidden: true },
    'data-dir': dataDir,
  },
}

const tick: ManifestCommand = { id: 'tick', summary: 'do all that is due', flags: { 'data-dir': dataDir } }
const manifest: Manifest = {
  version: '1.2.3',
  commands: { tick, 'roa:add': add, ghost: { id: 'ghost', hidden: true } },
}
const texts = { description: 'a program', topics: { roa: { description: 'route origin authorizations' } } }

describe('roff', () => {
  test('text can start neither a request nor an escape, and its hyphens can be pasted', () => {
    expect(escapeRoff('.so /etc/passwd')).toBe('\\&.so /etc/passwd')
    expect(escapeRoff("a\n'b")).toBe("a\n\\&'b")
    expect(escapeRoff('\\fB --yes …')).toBe('\\efB \\-\\-yes \\[u2026]')
  })

  test('values are set in italics, words and flags in bold', () => {
    expect(synopsis('roa add ROA... [--file FILE]')).toBe(
      '\\fBroa\\fR \\fBadd\\fR \\fIROA...\\fR [\\fB\\-\\-file\\fR \\fIFILE\\fR]',
    )
  })
})

test('a usage line names arguments in order, required flags first, optional ones in brackets', () => {
  expect(usage(add)).toBe('roa add CA ROA... --file FILE [--dry-run] [--level warning|critical]')
})

describe('pages', () => {
  const pages = manualPages(manifest, texts)
  const roa = pages.get('brine-roa.1') ?? ''

  test('there is one for the program and one for each first word', () => {
    expect([...pages.keys()]).toEqual(['brine.1', 'brine.toml.5', 'brine-roa.1', 'brine-tick.1'])
  })

  test('each has its sections in order', () => {
    for (const [name, text] of pages) {
      if (name === 'brine.toml.5') continue
      const titles = [...text.matchAll(/^\.SH (.*)$/gm)].map((match) => match[1])
      const wanted = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXAMPLES', 'EXIT STATUS', 'ENVIRONMENT', 'FILES']
      const order = [...wanted, 'STANDARDS', 'SEE ALSO']
      expect(titles).toEqual(order.filter((title) => titles.includes(title)))
      expect(order.filter((title) => !titles.includes(title) && title !== 'EXAMPLES')).toEqual([])
    }
  })

  test('a command stands there with its texts, arguments, flags and examples', () => {
    for (const line of [
      'brine\\-roa \\- route origin authorizations',
      'Add ROAs to a CA.',
      'First.',
      'what to add',
      '\\fB\\-\\-file\\fR \\fIFILE\\fR',
      'required; requires \\-\\-level',
      'repeatable',
      'brine roa add acme "192.0.2.0/24 => 64496"',
      'the data directory; environment: BRINE_DATA_DIR',
      '\\fBbrine\\fR(1), \\fBbrine\\-tick\\fR(1), \\fBbrine.toml\\fR(5)',
    ])
      expect(roa).toContain(line.replaceAll('/24-', '/24\\-'))
  })

  test('brine.toml(5) documents every key, those of enrolment too', () => {
    const page = pages.get('brine.toml.5') ?? ''
    for (const name of KEYS.keys()) expect(page).toContain(`\\fB${name}\\fR`)
    for (const { header, keys } of ENROLMENT_SECTIONS) {
      expect(page).toContain(`.SS ${header}\n`)
      for (const { name } of keys) expect(page).toContain(`\\fB${name}\\fR`)
    }
  })

  test('hidden commands and flags do not', () => {
    expect([...pages.values()].join('\n')).not.toMatch(/ghost|secret/)
  })

  test('a topic without a description is refused, with the place to write it', () => {
    expect(() => manualPages(manifest, { ...texts, topics: {} })).toThrow(
      'package.json: oclif.topics has no description of roa',
    )
  })

  test('every exit code of the program is told, ascending', () => {
    const codes = EXIT_STATUS.map(([code]) => code)
    expect(codes).toEqual([0, ...Object.values(EXIT_CODES)].sort((a, b) => a - b))
    for (const [code, meaning] of EXIT_STATUS) expect(roa).toContain(`\\fB${code}\\fR\n${escapeRoff(meaning)}`)
  })
})

describe('the command surface', () => {
  test('holds one line for each command, argument and flag', () => {
    expect(commandSurface(manifest).split('\n')).toEqual([
      '* --data-dir DIR',
      'roa add',
      'roa add 1: CA (required)',
      'roa add 2: ROA... (required)',
      'roa add --dry-run',
      'roa add --file FILE (required)',
      'roa add --level warning|critical (repeatable)',
      'tick',
      '',
    ])
  })

  test('a line that went is found, one that came is fine', () => {
    expect(missingLines('a\nb\n', 'b\nc\n')).toEqual(['a'])
    expect(missingLines('a\n', 'a\nb\n')).toEqual([])
  })
})
