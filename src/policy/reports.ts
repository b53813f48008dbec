import type { Resource } from '../resources/catalogue.ts';
import { GATEWAY_API_GROUP } from '../resources/route-fields.ts';
import type { AnyRoute, Attachment } from './attachment.ts';
import {
  type EffectiveEntry,
  type Finding,
  finding,
  type GatewayReport,
  type ListenerReport,
  type ParentReport,
  type RouteReport,
  type RuleReport,
} from './compile-report.ts';
import { type Hostname, intersect } from './hostnames.ts';
import type { JudgedListener } from './listeners.ts';
import { type RuleBody, ruleNameOf } from './route-rules.ts';

/** A compiled rule, and what policies made of it. */
export interface BookedRule {
  readonly id: string;
  readonly body: RuleBody;
  readonly auth: readonly EffectiveEntry[];
  readonly edge: readonly EffectiveEntry[];
  readonly quota: readonly EffectiveEntry[];
}

/** A rule at a listener. */
export interface RuleAt {
  readonly rule: BookedRule;
  readonly index: number;
  readonly listener: string;
}

/** @param clientCertificateProblem why the certificate for backends cannot be used */
export function gatewayReport(
  gateway: Resource<'Gateway'>,
  listeners: readonly JudgedListener[],
  attachedAt: (listener: JudgedListener) => number,
  clientCertificateProblem: string | undefined,
): GatewayReport {
  const bad = listeners.filter(({ findings }) => findings.some(isBad));
  const served = listeners.some((listener) => listener.served);
  const names = bad.map(({ spec }) => spec.name).join(', ');
  const accepted = !served
    ? finding('Accepted', false, 'ListenersNotValid', `No listener can be opened; look at ${names}.`)
    : bad.length > 0
      ? finding('Accepted', true, 'ListenersNotValid', `Some listeners are not in order: ${names}.`)
      : finding('Accepted', true, 'Accepted', 'Every listener is valid.');
  const references =
    clientCertificateProblem === undefined
      ? []
      : [finding('ResolvedRefs', false, 'InvalidClientCertificateRef', clientCertificateProblem)];
  return {
    namespace: gateway.metadata.namespace,
    name: gateway.metadata.name,
    findings: [accepted, ...references],
    listeners: listeners.map((listener) => listenerReport(listener, listeners, attachedAt(listener))),
  };
}

/** `Conflicted` is bad when it is true, the others when they are not. */
function isBad({ type, status }: Finding): boolean {
  return type === 'Conflicted' ? status : !status;
}

function listenerReport(
  listener: JudgedListener,
  all: readonly JudgedListener[],
  attachedRoutes: number,
): ListenerReport {
  const { spec, kinds } = listener;
  const overlapping = all.find(
    (other) =>
      other !== listener &&
      other.spec.protocol === 'HTTPS' &&
      spec.protocol === 'HTTPS' &&
      other.spec.port === spec.port &&
      intersect(other.spec.hostname, spec.hostname) !== undefined,
  );
  const overlap =
    overlapping === undefined
      ? []
      : [
          finding(
            'OverlappingTLSConfig',
            true,
            'OverlappingHostnames',
            `Hosts of listener ${overlapping.spec.name} overlap; requests on a connection for the other one get 421.`,
          ),
        ];
  return {
    name: spec.name,
    id: listener.id,
    port: spec.port,
    hostname: spec.hostname,
    supportedKinds: kinds.map((kind) => ({ group: GATEWAY_API_GROUP, kind })),
    attachedRoutes,
    findings: [...listener.findings, ...overlap],
    served: listener.served,
  };
}

export function routeReport(
  route: AnyRoute,
  attachments: readonly Attachment[],
  rules: readonly RuleAt[],
): RouteReport {
  return {
    kind: route.kind,
    namespace: route.metadata.namespace,
    name: route.metadata.name,
    parents: attachments.map((attachment) => parentReport(route, attachment, rules)),
    rules: ruleReports(route, rules),
  };
}

function parentReport(route: AnyRoute, attachment: Attachment, rules: readonly RuleAt[]): ParentReport {
  const { parentRef, accepted, listeners } = attachment;
  const hostnames = new Set<Hostname>(listeners.flatMap((at) => at.hostnames));
  return {
    parentRef,
    findings: findingsOf(route, accepted, rules),
    listeners: listeners.map(({ listener }) => listener.id),
    hostnames: [...hostnames],
  };
}

const RESOLVED = finding('ResolvedRefs', true, 'ResolvedRefs', 'Every reference was found.');

function findingsOf(route: AnyRoute, accepted: Finding, rules: readonly RuleAt[]): readonly Finding[] {
  const unresolved = rules.find(({ rule }) => rule.body.unresolved !== undefined)?.rule.body.unresolved;
  const resolved =
    unresolved === undefined
      ? RESOLVED
      : finding('ResolvedRefs', false, unresolved.reason, unresolved.message);
  const invalid = rules.filter(({ rule }) => rule.body.invalid !== undefined);
  const [first] = invalid;
  if (first?.rule.body.invalid === undefined || !accepted.status) return [accepted, resolved];
  const { reason, message } = first.rule.body.invalid;
  const told = `Rule ${ruleNameOf(route, first.index)}: ${message}; its requests get 500.`;
  const indexes = new Set(invalid.map(({ index }) => index));
  return indexes.size === route.spec.rules.length
    ? [finding('Accepted', false, reason, told), resolved]
    : [accepted, resolved, finding('PartiallyInvalid', true, reason, told)];
}

function ruleReports(route: AnyRoute, rules: readonly RuleAt[]): readonly RuleReport[] {
  const byId = new Map<string, { report: RuleReport; listeners: string[] }>();
  for (const { rule, index, listener } of rules) {
    const known = byId.get(rule.id);
    if (known !== undefined) {
      known.listeners.push(listener);
      continue;
    }
    const listeners = [listener];
    const report = {
      id: rule.id,
      rule: ruleNameOf(route, index),
      listeners,
      auth: rule.auth,
      edge: rule.edge,
      quota: rule.quota,
    };
    byId.set(rule.id, { report, listeners });
  }
  return [...byId.values()].map(({ report }) => report);
}
