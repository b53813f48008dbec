import type { Resource } from '../resources/catalogue.ts';
import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';
import { nameOf, type ObjectName } from './object-name.ts';
import { isResourceOf } from './stored.ts';
import { queryOf, type WriteOptions } from './write-options.ts';

type Schemas = components['schemas'];
export type DrillPlan = Schemas['DrillPlan'];
export type DrillPlanInput = Schemas['DrillPlanInput'];

/** Drills. */
export interface DrillCalls {
  planDrill(namespace: string, spec: DrillPlanInput['spec']): Promise<DrillPlan>;
  startDrill(drill: ObjectName, options?: Omit<WriteOptions, 'force'>): Promise<Resource<'Drill'>>;
  abortDrill(drill: ObjectName, options?: Omit<WriteOptions, 'force'>): Promise<Resource<'Drill'>>;
}

export function drillCalls({ raw, answer, checked }: Connection): DrillCalls {
  return {
    planDrill: async (namespace, spec) =>
      answer(
        await raw.POST('/v1/drills/{namespace}/plan', { params: { path: { namespace } }, body: { spec } }),
      ),
    startDrill: async (path, write) =>
      checked(
        answer(
          await raw.POST('/v1/drills/{namespace}/{name}/start', {
            params: { path: nameOf(path), query: queryOf(write) },
          }),
        ),
        (value) => isResourceOf('Drill', value),
      ),
    abortDrill: async (path, write) =>
      checked(
        answer(
          await raw.POST('/v1/drills/{namespace}/{name}/abort', {
            params: { path: nameOf(path), query: queryOf(write) },
          }),
        ),
        (value) => isResourceOf('Drill', value),
      ),
  };
}
