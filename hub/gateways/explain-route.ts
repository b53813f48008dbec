import { PortolanError } from '../../src/errors/error.ts';
import { ERROR_TABLE } from '../../src/errors/table.ts';
import type { EffectiveEntry, RouteReport, RuleReport } from '../../src/policy/compile-report.ts';
import { matchRequest } from '../../src/policy/match-request.ts';
import type {
  CompiledAuth,
  CompiledEdge,
  CompiledMatch,
  GatewayPart,
  QuotaPart,
  WeightedBackend,
} from '../../src/policy/model.ts';
import { normalisePath } from '../../src/policy/normalise-path.ts';
import type { ExplainedPiece, ExplainedRule, RouteQuestion } from '../api/gateway-services.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { ClusterGateways } from './gateways.ts';
import { limitText } from './limit-text.ts';

/** Longest value that is shown of a piece. */
const SHOWN = 300;

/**
 * The rules that a question is about, as the gateways have them now: every piece of policy with the object it is from. The same rule on
 * several clusters is told once. Nothing secret is in it: only the public part is looked at.
 */
export function explainRoute(
  question: RouteQuestion,
  gateways: ReadonlyMap<ObjectKey, Pick<ClusterGateways, 'part' | 'reports'>>,
): readonly ExplainedRule[] {
  const told = new Map<string, ExplainedRule>();
  for (const [cluster, own] of gateways) {
    if (question.cluster !== undefined && !isCluster(cluster, question.cluster)) continue;
    // Endpoints differ from cluster to cluster: they are told when one cluster is asked about.
    for (const rule of rulesOf(question, own)) {
      const text = JSON.stringify(rule);
      const known = told.get(text);
      told.set(text, { ...rule, clusters: [...(known?.clusters ?? []), cluster] });
    }
  }
  if (told.size === 0 && question.request !== undefined) refuseDoubtful(question.request.path);
  return [...told.values()];
}

/** Nothing takes a path that is refused before a route is looked for. @throws PortolanError PATH_DOUBTFUL, REQUEST_MALFORMED */
function refuseDoubtful(target: string): void {
  const read = normalisePath(target, false);
  if (!('fault' in read)) return;
  const code = read.fault === 'doubtful' ? 'PATH_DOUBTFUL' : 'REQUEST_MALFORMED';
  throw new PortolanError(code, `gateways refuse this path with 400: ${read.reason}`, {
    fix: ERROR_TABLE[code].fix,
  });
}

function isCluster(key: ObjectKey, wanted: string): boolean {
  return key === wanted || key.split('/')[1] === wanted;
}

type Untold = Omit<ExplainedRule, 'clusters'>;

function rulesOf(
  { route, request, rule, cluster }: RouteQuestion,
  { part, reports }: Pick<ClusterGateways, 'part' | 'reports'>,
): readonly Untold[] {
  const all = reports.routes.flatMap((report) => report.rules.map((own) => ({ report, own })));
  const matched = request === undefined ? undefined : rulesFor(request, part);
  return all
    .filter(
      ({ report, own }) =>
        (route === undefined || (report.namespace === route.namespace && report.name === route.name)) &&
        (matched === undefined || matched.has(own.id)) &&
        (rule === undefined || own.rule === rule),
    )
    .map(({ report, own }) => explained(report, own, part, cluster !== undefined));
}

/** A request may come in at any port. */
function rulesFor(
  { hostname, path: target, method, headers }: NonNullable<RouteQuestion['request']>,
  { ports, edge }: GatewayPart,
): ReadonlySet<string | undefined> {
  return new Set(
    ports.flatMap((port) => {
      const read = normalisePath(target, edge[port.edge]?.path.doubtful === 'keep');
      if ('fault' in read) return [];
      const { path, query } = read;
      return [matchRequest(port, hostname, { method, path, query, fields: headers.flat() })];
    }),
  );
}

function explained(report: RouteReport, own: RuleReport, part: GatewayPart, withEndpoints: boolean): Untold {
  const rule = part.rules[own.id];
  const auth = rule?.auth === undefined ? undefined : part.auth[rule.auth];
  const edge = rule === undefined ? undefined : part.edge[rule.edge];
  return {
    kind: report.kind,
    namespace: report.namespace,
    name: report.name,
    rule: own.rule,
    listeners: own.listeners,
    matches: matchesOf(own.id, part),
    filters: (rule?.filters ?? []).map((filter) => shortened(filter)),
    backends: [
      ...(rule?.backends ?? []).map((backend) => backendText(backend, part, withEndpoints, report)),
      ...(rule?.callers ?? []).flatMap(({ when, backends }) =>
        backends.map((backend) => `${backendText(backend, part, withEndpoints, report)} when ${when}`),
      ),
    ],
    timeouts: shortened(rule?.timeouts ?? {}),
    auth: own.auth.map((entry) => piece(entry, auth)),
    limits: own.quota.map((entry) => limitPiece(entry, rule?.quota, part.quota)),
    edge: [...own.edge.map((entry) => piece(entry, edge)), ...productDefaults(own.edge, edge)],
  };
}

function matchesOf(id: string, part: GatewayPart): readonly string[] {
  const found = part.ports.flatMap(({ listeners }) =>
    listeners.flatMap(({ hosts }) =>
      hosts.flatMap(({ hostname, matches }) =>
        matches.filter((m) => m.rule === id).map((m) => `${hostname ?? '*'}: ${matchText(m)}`),
      ),
    ),
  );
  return [...new Set(found)];
}

function matchText({ method, path, headers, query }: CompiledMatch): string {
  const values = (what: string, all: CompiledMatch['headers']): string =>
    all.map((v) => ` ${what} ${v.name}${v.type === 'regex' ? '~' : '='}${v.value}`).join('');
  return `${method ?? 'any method'} ${path.type} ${path.value}${values('header', headers)}${values('query', query)}`;
}

function backendText(
  { backend, weight }: WeightedBackend,
  part: GatewayPart,
  withEndpoints: boolean,
  { kind, namespace, name }: RouteReport,
): string {
  if (backend === undefined)
    return `(weight ${weight}) leads nowhere, 500: \`portolan describe ${kind.toLowerCase()} ${name} -n ${namespace}\` says why`;
  const known = part.backends[backend];
  const protocol = `${known?.protocol ?? ''}${known?.tls === undefined ? '' : ', TLS'}`;
  const endpoints = (known?.endpoints ?? []).map(({ address, port }) => `${address}:${port}`);
  const shown =
    known?.service !== undefined
      ? ': ready endpoints of the Service in its cluster'
      : endpoints.length === 0
        ? ': no endpoint here, 503'
        : withEndpoints
          ? `: ${endpoints.slice(0, 5).join(', ')}${endpoints.length > 5 ? ` and ${endpoints.length - 5} more` : ''}`
          : '';
  return `${backend} (weight ${weight}, ${protocol})${shown}`;
}

function piece(
  { rule, source, by }: EffectiveEntry,
  of: CompiledAuth | CompiledEdge | undefined,
): ExplainedPiece {
  const { kind, name, sectionName } = source;
  return {
    piece: rule,
    value: shortened(valueAt(of, rule.split('.'))),
    source: `${kind} ${name}${sectionName === undefined ? '' : ` (${sectionName})`}`,
    by,
  };
}

function limitPiece(
  { rule, source, by }: EffectiveEntry,
  policy: string | undefined,
  quota: QuotaPart | undefined,
): ExplainedPiece {
  const name = rule.slice(rule.indexOf('.') + 1);
  const limit =
    policy === undefined ? undefined : quota?.policies[policy]?.limits.find((own) => own.name === name);
  return {
    piece: rule,
    value: limit === undefined || quota === undefined ? '' : limitText(limit, quota.budgets),
    source: `${source.kind} ${source.name}`,
    by,
  };
}

/** What nobody said: limits and the like have values all the same. */
function productDefaults(
  said: readonly EffectiveEntry[],
  edge: CompiledEdge | undefined,
): readonly ExplainedPiece[] {
  if (edge === undefined) return [];
  const leaves = (['limits', 'clientAddress', 'path', 'accessLog'] as const).flatMap((group) =>
    Object.entries(edge[group]).map(([name, value]) => ({
      piece: `${group}.${name}`,
      value: shortened(value),
    })),
  );
  return leaves
    .filter(({ piece: leaf }) => !said.some(({ rule }) => rule === leaf || leaf.startsWith(`${rule}.`)))
    .map((leaf) => ({ ...leaf, by: 'product' }));
}

/** Follows a path such as `authentication.keys.…`; lists are looked up by the `name` of their members, or by their first element. */
function valueAt(value: unknown, path: readonly string[]): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (Array.isArray(value)) {
    const named = value.find(
      (member: unknown) =>
        (isMapping(member) && member.name === head) || (Array.isArray(member) && member[0] === head),
    ) as unknown;
    if (!Array.isArray(named)) return valueAt(named, rest);
    const [, cel, when] = named as readonly unknown[];
    return valueAt(when === undefined ? cel : { value: cel, when }, rest);
  }
  return isMapping(value) ? valueAt(value[head], rest) : undefined;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
}
