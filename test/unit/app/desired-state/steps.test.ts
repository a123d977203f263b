/** Order of the steps of a plan: parents before children, gains before losses, one step for each CA where nothing moves between them. */
import { expect, it } from 'vitest'
import { stepsOf } from '../../../../src/core/app/desired-state/steps.js'
import { differenceOf } from '../../../../src/core/desired-state/difference.js'
import { readState } from '../../../../src/core/desired-state/read.js'

type Ca = {
  readonly parents?: readonly (readonly [string, string])[]
  readonly roas?: readonly string[]
  readonly aspas?: readonly string[]
}

const stateOf = (cas: Readonly<Record<string, Ca>>) =>
  readState(
    JSON.stringify({
      format: 1,
      cas: Object.entries(cas).map(([handle, { parents = [], roas = [], aspas = [] }]) => {
        return { handle, roas, aspas, parents: parents.map(([name, resources]) => ({ handle: name, resources })) }
      }),
    }),
    'f',
  )

/** Returns the steps of a plan that prunes, as `ca: change item name`, with `later` before the second ones. */
async function steps(
  before: Readonly<Record<string, Ca>>,
  after: Readonly<Record<string, Ca>>,
): Promise<readonly string[]> {
  const wanted = await stateOf(after)
  const plan = differenceOf(await stateOf(before), wanted, true)
  return stepsOf(plan, wanted).map(({ ca, rows, isLater }) => {
    const shown = rows.map(
      ({ change, item, name, after: to }) => `${change} ${item} ${item === 'roa' ? name : `${name} ${to}`}`,
    )
    return `${isLater ? 'later ' : ''}${ca}: ${shown.join(', ')}`
  })
}

it('makes parents before their children, whatever their names are', async () => {
  const after = {
    b: { parents: [['a', 'AS1']] },
    a: { parents: [['z', 'AS1']] },
    z: { parents: [['ta', 'AS1']] },
  } as const
  expect((await steps({}, after)).map((step) => step.split(':')[0])).toEqual(['z', 'a', 'b'])
})

it('makes one step of a CA where nothing moves to another one', async () => {
  const before = {
    a: { parents: [['ta', 'AS1, 10.0.0.0/8']], roas: ['10.0.0.0/8-8 => 1'] },
    b: { roas: ['11.0.0.0/8-8 => 1'] },
  } as const
  const after = { a: { parents: [['ta', 'AS2']] }, b: { roas: ['12.0.0.0/8-8 => 1'] } } as const
  expect(await steps(before, after)).toEqual([
    'a: update parent ta AS2, remove roa 10.0.0.0/8-8 => 1',
    'b: remove roa 11.0.0.0/8-8 => 1, add roa 12.0.0.0/8-8 => 1',
  ])
})

it('takes what moves to another CA after that one has it', async () => {
  const before = {
    a: { parents: [['ta', '10.0.0.0/8']], roas: ['10.1.0.0/16-16 => 1', '10.2.0.0/16-16 => 1'] },
  } as const
  const after = {
    a: { parents: [['ta', '10.2.0.0-10.255.255.255, 11.0.0.0/8']], roas: ['11.0.0.0/8-8 => 1'] },
    b: { parents: [['ta', '10.0.0.0/15']], roas: ['10.1.0.0/16-16 => 1'] },
  } as const
  expect(await steps(before, after)).toEqual([
    'a: update parent ta 10.0.0.0/7, remove roa 10.2.0.0/16-16 => 1, add roa 11.0.0.0/8-8 => 1',
    'b: add ca b null, add parent ta 10.0.0.0/15, add roa 10.1.0.0/16-16 => 1',
    'later a: update parent ta 10.2.0.0-11.255.255.255, remove roa 10.1.0.0/16-16 => 1',
  ])
})

it('takes the ROA of a parent after its child has it', async () => {
  const before = { a: { parents: [['ta', '10.0.0.0/8']], roas: ['10.0.0.0/24-24 => 1'] } } as const
  const after = {
    a: { parents: [['ta', '10.0.0.0/8']] },
    b: { parents: [['a', '10.0.0.0/16']], roas: ['10.0.0.0/24-24 => 1'] },
  } as const
  expect((await steps(before, after)).map((step) => step.split(':')[0])).toEqual(['b', 'later a'])
})

it('drops a provider of an AS after the ASPA of another CA names it, and moves an ASPA in the same way', async () => {
  const before = { a: { aspas: ['AS1 => 10, 11 # x', 'AS2 => 20', 'AS3 => 30, 31', 'AS4 => 0'] } } as const
  const after = {
    a: { aspas: ['AS1 => 10, 12 # y', 'AS3 => 30', 'AS4 => 40'] },
    b: { aspas: ['AS1 => 11', 'AS2 => 20', 'AS4 => 41'] },
  } as const
  expect(await steps(before, after)).toEqual([
    'a: update aspa AS1 AS10, AS11, AS12 # y, update aspa AS3 AS30',
    'b: add ca b null, add aspa AS1 AS11, add aspa AS2 AS20, add aspa AS4 AS41',
    'later a: update aspa AS1 AS10, AS12 # y, remove aspa AS2 null, update aspa AS4 AS40',
  ])
})
