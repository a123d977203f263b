/** The documented keys of the enrolment sections are the keys that the parser reads, and the template is valid once uncommented. */
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { ENROLMENT_SECTIONS } from '../../../../src/core/config/enrolment/keys.js'
import { readEnrolment } from '../../../../src/core/config/enrolment/parse.js'
import { parseConfig } from '../../../../src/core/config/parse.js'
import type { PlacedFault } from '../../../../src/core/config/tables.js'
import { configTemplate } from '../../../../src/core/config/template.js'

const BACKENDS = ['file', 'pkcs11', 'dogtag', 'cfssl', 'est']

/** A table that records which of its keys are read. */
function recording(values: Readonly<Record<string, unknown>>, keys: Set<string>): Readonly<Record<string, unknown>> {
  return new Proxy(values, {
    getOwnPropertyDescriptor(target, name) {
      keys.add(String(name))
      return Reflect.getOwnPropertyDescriptor(target, name)
    },
  })
}

function keysReadBy(): ReadonlyMap<string, ReadonlySet<string>> {
  const read = new Map(ENROLMENT_SECTIONS.map(({ header }) => [header, new Set<string>()]))
  const of = (header: string): Set<string> => read.get(header) ?? new Set()
  const faults: PlacedFault[] = []
  const cas = BACKENDS.map((backend) =>
    recording({ backend, [backend]: recording({}, of(`[ca.${backend}]`)) }, of('[[ca]]')),
  )
  readEnrolment(
    {
      ha: recording({ group: [recording({}, of('[[ha.group]]'))] }, of('[ha]')),
      ca: cas,
      est: recording(
        { profile: [recording({}, of('[[est.profile]]'))], label: [recording({}, of('[[est.label]]'))] },
        of('[est]'),
      ),
    },
    faults,
  )
  // sub-tables have sections of their own
  for (const name of BACKENDS) of('[[ca]]').delete(name)
  of('[ha]').delete('group')
  for (const name of ['profile', 'label']) of('[est]').delete(name)
  return read
}

describe('the documented keys of enrolment', () => {
  const read = keysReadBy()

  it.each(ENROLMENT_SECTIONS.map((section) => [section.header, section] as const))(
    '%s are those that the parser reads',
    (header, section) => {
      const documented = section.keys.map(({ name }) => name)
      expect([...(read.get(header) ?? [])].sort()).toEqual([...documented].sort())
    },
  )

  it.each(ENROLMENT_SECTIONS.map((section) => [section.header, section] as const))(
    '%s have examples that are TOML',
    (_header, section) => {
      const text = section.keys.map(({ name, example }) => `${name} = ${example}`).join('\n')
      expect(Object.keys(parse(text))).toEqual(section.keys.map(({ name }) => name))
    },
  )
})

describe('the template', () => {
  const enrolment = configTemplate().split('(EST)\n')[1] ?? ''
  /** The template with one backend: a CA has one, and the template shows all five. */
  const withOnly = (backend: string): string =>
    enrolment
      .split(/\n(?=# .*\n#\[)/)
      .filter((part) => {
        const table = /^#\[ca\.(\w+)\]$/m.exec(part)?.[1]
        return table === undefined || table === backend
      })
      .join('\n')
      .replaceAll(/^#(?! )/gm, '')
      .replace('backend = "file"', `backend = "${backend}"`)
      .replace('["one", "two"]', '["one"]')
      .replace('{ one = 3, two = 1 }', '{ one = 3 }')
      .replaceAll(/^(auth|)_?pin_env = .*\n/gm, '')

  it.each(BACKENDS)('is valid with backend %s when the sections are uncommented', async (backend) => {
    const { faults } = await parseConfig(withOnly(backend))
    expect(faults).toEqual([])
  })
})
