import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { KubeRule } from '../../kube/rules.ts';
import type { KubeApiserver } from './kube-apiserver.ts';

const event = z.looseObject({
  verb: z.string(),
  stage: z.string(),
  requestURI: z.string(),
  user: z.looseObject({ username: z.string() }),
  objectRef: z
    .looseObject({
      apiGroup: z.string().default(''),
      resource: z.string(),
      subresource: z.string().optional(),
    })
    .optional(),
  responseStatus: z.looseObject({ code: z.number() }).optional(),
});

/** What somebody asked of an API server. */
export interface Asked {
  /** `group resource verb`, as `verbsOf` writes them. */
  readonly used: ReadonlySet<string>;
  /** Answered with 403. */
  readonly denied: readonly string[];
  /** Paths that are no resource and no discovery. */
  readonly elsewhere: readonly string[];
}

/** What a user asked of a server that was started with `audit`. */
export async function askedBy(server: KubeApiserver, user: string): Promise<Asked> {
  const used = new Set<string>();
  const denied: string[] = [];
  const elsewhere: string[] = [];
  for (const line of (await readFile(server.auditLog, 'utf8')).split('\n')) {
    if (line === '') continue;
    const read = event.parse(JSON.parse(line));
    if (read.user.username !== user || read.stage === 'RequestReceived') continue;
    const { verb, objectRef, requestURI } = read;
    if (read.responseStatus?.code === 403) denied.push(`${verb} ${requestURI}`);
    // Which groups and versions there are may be asked by whoever has a token.
    if (objectRef === undefined) {
      if (!/^\/(api|apis|version)(\/|\?|$)/.test(requestURI)) elsewhere.push(requestURI);
    } else used.add(keyOf(objectRef.apiGroup, objectRef.resource, objectRef.subresource, verb));
  }
  return { used, denied, elsewhere };
}

/** Each verb that rules grant. */
export function verbsOf(
  rules: readonly Pick<KubeRule, 'apiGroups' | 'resources' | 'verbs'>[],
): ReadonlySet<string> {
  const granted = new Set<string>();
  for (const { apiGroups, resources, verbs } of rules)
    for (const group of apiGroups)
      for (const resource of resources)
        for (const verb of verbs) {
          const [name = '', subresource] = resource.split('/');
          granted.add(keyOf(group, name, subresource, verb));
        }
  return granted;
}

/** What is in `of` and not in `without`, sorted. */
export function missing(of: ReadonlySet<string>, without: ReadonlySet<string>): readonly string[] {
  return [...of].filter((verb) => !without.has(verb)).sort();
}

function keyOf(group: string, resource: string, subresource: string | undefined, verb: string): string {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${group === '' ? 'core' : group} ${name} ${verb}`;
}
