import type { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { type ParsedInput, parseResource } from '../../src/resources/validate.ts';
import { managedElsewhere } from '../sources/managed.ts';
import type { Key } from '../store/contract.ts';
import { differences } from './differences.ts';
import { type ApiContext, type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { despiteLostRaces } from './lost-race.ts';
import { changeContext, commitOptions, objectWriteQuery } from './objects.ts';
import { may } from './permissions.ts';
import { demand, type Principal } from './principal.ts';
import { applied, documentsInput, type Plan, type PlannedDocument, plan } from './schemas.ts';
import type { AnswerDiff, ChangeContext } from './services.ts';
import {
  anyObject,
  deletionOf,
  demandClaim,
  demandReach,
  describe,
  keyOf,
  managerOfWrite,
  presentable,
  refusalOf,
  type Write,
  writeOf,
} from './writes.ts';

type Documents = z.output<typeof documentsInput>;
type Verb = 'plan' | 'apply';

/** Preview and application of a set of documents, all or none: what the CLI's plan, diff and apply use. */
export const PLAN_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'plan',
    method: 'POST',
    path: '/v1/plan',
    tag: 'plan',
    summary:
      'What applying these documents would do: per document, and to the answers clients get. Stores nothing.',
    access: { kind: 'somewhere', action: 'plan' },
    body: jsonBody(documentsInput),
    replies: {
      200: { description: 'the plan; documents that cannot be applied carry their violations', schema: plan },
    },
    handle: async ({ body, principal, actor }, context) => {
      const change: ChangeContext = { actor, dryRun: true, force: false };
      // Outside the write lane: nothing is committed, and a large plan must not hold up writes.
      const result = await despiteLostRaces(context.store, async (commit) =>
        planned(await read(body, principal, 'plan', context), change, { ...context, commit }),
      );
      const changes = result.answers.changes.filter((c) => may(principal.bindings, 'plan', c.namespace));
      const { records, ...rest } = result;
      return {
        status: 200,
        json: {
          ...rest,
          answers: { ...result.answers, changes },
          ...(records === undefined ? {} : { records: shown(records, principal) }),
        },
      };
    },
  }),
  endpoint({
    id: 'apply',
    method: 'POST',
    path: '/v1/apply',
    tag: 'plan',
    summary: 'Create, update and delete all of these documents in one commit, or none of them.',
    access: { kind: 'authenticated' },
    query: objectWriteQuery,
    body: jsonBody(documentsInput),
    replies: { 200: { description: 'what was done', schema: applied } },
    handle: async ({ body, query, principal, actor }, context) => {
      const change = changeContext(query, actor);
      const json = await context.lane.run(() =>
        despiteLostRaces(context.store, async (commit) =>
          apply(await read(body, principal, 'apply', context, query.takeOver), change, principal, {
            ...context,
            commit,
          }),
        ),
      );
      return { status: 200, json };
    },
  }),
];

/** What stands in a zone is shown to whom may see the provider's zones (`provider.read`); reports to everybody who may plan there. */
function shown(records: NonNullable<Plan['records']>, { bindings }: Principal): NonNullable<Plan['records']> {
  const namespaceOf = (provider: string): string => provider.split('/')[0] ?? '';
  return {
    reports: records.reports.filter(
      ({ provider }) => provider === 'embedded' || may(bindings, 'plan', namespaceOf(provider)),
    ),
    zones: records.zones.filter(({ provider }) => may(bindings, 'provider.read', namespaceOf(provider))),
  };
}

type CommittingContext = ApiContext & Pick<ApiContext['store'], 'commit'>;

/** One document of the request after reading: either what to write, or why it cannot be. */
type Item =
  | { readonly index: number; readonly key: Key; readonly write: Write }
  | {
      readonly index: number;
      readonly label: Pick<PlannedDocument, 'kind' | 'namespace' | 'name'>;
      readonly error: PortolanError;
    };

async function read(
  body: Documents,
  principal: Principal,
  verb: Verb,
  context: ApiContext,
  takeOver = false,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  const seen = new Map<string, number>();
  const once = (key: Key, index: number): void => {
    const id = describe(key);
    const first = seen.get(id);
    if (first !== undefined)
      throw single(
        'metadata.name',
        `${id} stands here twice, first as document ${first + 1}`,
        'Remove one of the two.',
      );
    seen.set(id, index);
  };
  for (const [index, document] of body.documents.entries()) {
    let input: ParsedInput | undefined;
    try {
      input = parseResource(document);
      const key = keyOf(input);
      allow(principal, verb, key);
      once(key, index);
      items.push({ index, key, write: await writeOf(input, 'apply', context.store, takeOver) });
    } catch (thrown) {
      items.push({ index, label: labelOf(document), error: documentError(thrown) });
    }
  }
  for (const [offset, key] of body.delete.entries()) {
    const index = body.documents.length + offset;
    try {
      allow(principal, verb, key);
      once(key, index);
      if ((await anyObject(context.store, key)) !== undefined)
        items.push({ index, key, write: await deletionOf(key, context.store, undefined) });
    } catch (thrown) {
      items.push({ index, label: key, error: documentError(thrown) });
    }
  }
  return items;
}

function allow(principal: Principal, verb: Verb, key: Key): void {
  // A plan shows what is stored, so it takes the right to read that kind; applying takes the right to write it.
  demand(principal, verb === 'plan' ? `${key.kind}.read` : `${key.kind}.write`, key.namespace);
}

/** What is about the document belongs to it; anything else (no permission, the store is away) fails the whole request. */
function documentError(thrown: unknown): PortolanError {
  const error = PortolanError.from(thrown);
  const ofDocument = [
    'VALIDATION_FAILED',
    'KIND_UNKNOWN',
    'CONFLICT',
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'PAYLOAD_TOO_LARGE',
  ].includes(error.code);
  if (!ofDocument) throw error;
  return error;
}

async function planned(
  items: readonly Item[],
  change: ChangeContext,
  context: CommittingContext,
): Promise<Plan> {
  const good = items.filter((item) => 'write' in item);
  const admission = await context.services.admit(
    good.map((item) => item.write.proposed),
    change,
  );
  const refused = admission.ok ? [] : admission.violations;
  // The store's own opinion of conflicts and of what differs at all.
  const { objects } =
    good.length === 0
      ? { objects: [] }
      : await context.commit(
          good.map((item) => item.write.change),
          { actor: change.actor, dryRun: true },
        );
  const documents = items.map((item): PlannedDocument => {
    if ('error' in item) return invalid(item.index, item.label, item.error);
    const at = good.indexOf(item);
    const violations = refused
      .filter((v) => v.change === at)
      .map(({ path, code, message, fix }) => ({ path, code, message, fix }));
    return { ...summary(item.index, item.key, item.write, objects[at]), violations };
  });
  const changing = good.filter((item) =>
    documents.some((d) => d.index === item.index && d.action !== 'unchanged'),
  );
  const ok = documents.every((d) => d.violations.length === 0);
  const records =
    ok && changing.length > 0
      ? await context.services.dns?.planRecords(changing.map((item) => item.write.proposed))
      : undefined;
  const none: AnswerDiff = { changes: [], compared: { hostnames: 0, places: 0 } };
  return {
    ok,
    changes: documents.filter((d) => d.action !== 'unchanged' && d.action !== 'invalid').length,
    documents,
    answers:
      ok && changing.length > 0
        ? await context.services.planAnswers(changing.map((item) => item.write.proposed))
        : none,
    ...(records === undefined ? {} : { records }),
    warnings: [
      ...(admission.ok ? admission.warnings : []),
      ...good.flatMap(({ key, write }) => managedWarning(key, write, context)),
    ],
  };
}

/** That applying it here is refused: a plan shows the change all the same, as whoever plans may plan for the source. */
function managedWarning(key: Key, write: Write, { services }: ApiContext): readonly string[] {
  const manager = managerOfWrite(write);
  return manager === undefined
    ? []
    : [managedElsewhere(key, manager, services.sources.originOf(key)).message];
}

async function apply(
  items: readonly Item[],
  change: ChangeContext,
  principal: Principal,
  context: CommittingContext,
): Promise<unknown> {
  const failed = items.filter((item) => 'error' in item);
  if (failed.length > 0) throw combined(failed);
  const good = items.filter((item) => 'write' in item);
  if (change.force) for (const item of good) demand(principal, 'force', item.key.namespace);
  for (const { write } of good) demandReach(principal, write);
  for (const { write } of good) demandClaim(principal, write, change, context.services);
  const admission = await context.services.admit(
    good.map((item) => item.write.proposed),
    change,
  );
  if (!admission.ok) {
    throw refusalOf(
      admission.violations.map((v) => ({
        ...v,
        path: `documents[${good[v.change]?.index ?? v.change}]${v.path === '' ? '' : `.${v.path}`}`,
      })),
    );
  }
  const { objects, revision } =
    good.length === 0
      ? { objects: [], revision: (await context.store.list({ kind: 'Drain' })).revision }
      : await context.commit(
          good.map((item) => item.write.change),
          commitOptions(change),
        );
  return {
    revision,
    documents: good.map((item, i) => ({
      ...summary(item.index, item.key, item.write, objects[i]),
      violations: [],
    })),
    objects: objects
      .filter((object) => may(principal.bindings, `${object.kind}.read`, object.metadata.namespace))
      .map(presentable),
    warnings: admission.warnings,
  };
}

function summary(
  index: number,
  key: Key,
  write: Write,
  written: AnyResource | undefined,
): Omit<PlannedDocument, 'violations'> {
  const { kind, namespace, name } = key;
  const { proposed } = write;
  const manager = managerOfWrite(write);
  const common = { index, kind, namespace, name, ...(manager === undefined ? {} : { managedBy: manager }) };
  switch (proposed.type) {
    case 'create':
      return { ...common, action: 'create', fields: [] };
    case 'delete':
      return { ...common, action: 'delete', fields: [] };
    case 'update': {
      if (isGone(written)) return { ...common, action: 'delete', fields: [] };
      // The store writes nothing when nothing differs, so an unmoved resourceVersion is the test (for secret values too).
      const unchanged = written?.metadata.resourceVersion === proposed.current.metadata.resourceVersion;
      return {
        ...common,
        action: unchanged ? 'unchanged' : 'update',
        fields: unchanged ? [] : differences(proposed.current, proposed.next),
      };
    }
  }
}

/** An object whose deletion was asked for goes with the update that takes its last finalizer. */
function isGone(written: AnyResource | undefined): boolean {
  return written?.metadata.deletionTimestamp !== undefined && written.metadata.finalizers.length === 0;
}

function invalid(
  index: number,
  label: Pick<PlannedDocument, 'kind' | 'namespace' | 'name'>,
  error: PortolanError,
): PlannedDocument {
  const violations =
    error.violations.length > 0
      ? error.violations
      : [{ path: '', code: error.code, message: error.message, fix: error.fix }];
  const { kind, namespace, name } = label;
  return { index, kind, namespace, name, action: 'invalid', fields: [], violations };
}

function combined(
  failed: readonly { readonly index: number; readonly error: PortolanError }[],
): PortolanError {
  const violations = failed.flatMap(({ index, error }) =>
    (error.violations.length > 0
      ? error.violations
      : [{ path: '', code: error.code, message: error.message, fix: error.fix }]
    ).map((v) => ({
      ...v,
      path: `documents[${index}]${v.path === '' ? '' : `.${v.path}`}`,
    })),
  );
  const codes = [...new Set(failed.map((f) => f.error.code))];
  const only = codes.length === 1 ? codes[0] : undefined;
  const [first] = failed;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more documents)` : '';
  return new PortolanError(
    only ?? 'VALIDATION_FAILED',
    `document ${(first?.index ?? 0) + 1}: ${first?.error.message ?? ''}${more}; nothing was applied`,
    {
      violations,
      ...(first === undefined ? {} : { fix: first.error.fix }),
    },
  );
}

function single(path: string, message: string, fix: string): PortolanError {
  return new PortolanError('VALIDATION_FAILED', message, {
    fix,
    violations: [{ path, code: 'VALIDATION_FAILED', message, fix }],
  });
}

/** What an unreadable document calls itself, as far as it is text. */
function labelOf(document: unknown): Pick<PlannedDocument, 'kind' | 'namespace' | 'name'> {
  const field = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? Reflect.get(value, name)
      : undefined;
  const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 63) : '');
  const metadata = field(document, 'metadata');
  return {
    kind: text(field(document, 'kind')),
    namespace: text(field(metadata, 'namespace')),
    name: text(field(metadata, 'name')),
  };
}
