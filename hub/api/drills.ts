import { z } from 'zod';
import { type DrillSpec, drillSpec } from '../../src/resources/drill.ts';
import type { Key } from '../store/contract.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { changeContext, writeQuery } from './objects.ts';
import { drillPlan, objectSchema } from './schemas.ts';
import { presentable } from './writes.ts';

const planBody = z.strictObject({ spec: drillSpec }).meta({ id: 'DrillPlanInput' });

/** A drill is an object like the others; starting and ending it are commands. */
export const DRILL_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'planDrill',
    method: 'POST',
    path: '/v1/drills/{namespace}/plan',
    tag: 'drills',
    summary: 'What a drill would do and whether its guards allow it now. Stores nothing.',
    access: { kind: 'namespace', action: 'plan' },
    body: jsonBody<z.ZodType<{ readonly spec: DrillSpec }>>(planBody),
    replies: { 200: { description: 'guards, steps and answers', schema: drillPlan } },
    handle: async ({ params, body }, { services }) => ({
      status: 200,
      json: await services.drillPlan({ namespace: params.namespace ?? '', spec: body.spec }),
    }),
  }),
  command('start', 'Start a drill that exists.'),
  command('abort', 'Abort a running drill and roll it back.'),
];

function command(verb: 'start' | 'abort', summary: string): Endpoint {
  return endpoint({
    id: `${verb}Drill`,
    method: 'POST',
    path: `/v1/drills/{namespace}/{name}/${verb}`,
    tag: 'drills',
    summary,
    access: { kind: 'namespace', action: 'drill.run' },
    query: writeQuery.omit({ force: true }),
    replies: { 200: { description: 'the drill', schema: objectSchema('Drill') } },
    handle: async ({ params, query, actor }, { services, lane }) => {
      const key: Key<'Drill'> = { kind: 'Drill', namespace: params.namespace ?? '', name: params.name ?? '' };
      const change = changeContext({ ...query, force: false }, actor);
      const drill = await lane.run(() =>
        verb === 'start' ? services.drillStart(key, change) : services.drillAbort(key, change),
      );
      return { status: 200, json: presentable(drill) };
    },
  });
}
