/** Rows of a plan for router keys: all of them as one command. */
import type { CaCommand } from '../../ca/aggregate.js'
import type { RouterAddition, RouterEdit } from '../../ca/routers.js'
import type { PlanRow } from '../../desired-state/difference.js'
import { routerOfText } from '../../desired-state/routers.js'

export type RouterUpdate = Extract<CaCommand, { readonly type: 'routers.update' }>

/** Returns the changes of router keys as one command. A file may list the key of several AS numbers, which is meant then. */
export function routerUpdate(rows: readonly PlanRow[]): RouterUpdate {
  const of = (change: PlanRow['change']): readonly PlanRow[] => rows.filter((row) => row.change === change)
  return {
    type: 'routers.update',
    add: of('add').map(({ name, after }): RouterAddition => routerOfText(name, after ?? '')),
    edit: of('update').map(({ name, after }): RouterEdit => {
      const { request, routerId, comment } = routerOfText(name, after ?? '')
      return { router: name, request, routerId, comment }
    }),
    remove: of('remove').map(({ name }) => name),
    sameKey: true,
  }
}

/** Returns the AS in the name of a router key. */
export function asnOfRouter(name: string): number {
  return Number.parseInt(name.slice(7, 15), 16)
}
