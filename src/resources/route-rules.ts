import type { FieldViolation } from '../errors/error.ts';
import type { GrpcRouteSpec } from './grpc-route.ts';
import type { HttpRouteSpec } from './http-route.ts';
import { durationMs, type HttpRouteFilter } from './route-fields.ts';

type Rule = HttpRouteSpec['rules'][number] | GrpcRouteSpec['rules'][number];

/**
 * What a route must satisfy beyond its shape, as far as the document alone can tell: the validations that the Gateway API's CRDs carry as
 * CEL. Paths start at `spec`.
 */
export function routeViolations(spec: HttpRouteSpec | GrpcRouteSpec): readonly FieldViolation[] {
  const names = new Set<string>();
  return spec.rules.flatMap((rule, i) => {
    const at = `spec.rules[${i}]`;
    const twice =
      rule.name !== undefined && names.has(rule.name)
        ? [violation(`${at}.name`, `rule "${rule.name}" stands here twice`, 'Rename one of them.')]
        : [];
    if (rule.name !== undefined) names.add(rule.name);
    return [
      ...twice,
      ...filterViolations(rule.filters, `${at}.filters`),
      ...rule.backendRefs.flatMap((ref, j) =>
        filterViolations(ref.filters, `${at}.backendRefs[${j}].filters`),
      ),
      ...portViolations(rule, at),
      ...('timeouts' in rule ? timeoutViolations(rule.timeouts, at) : []),
      ...redirectViolations(rule, at),
    ];
  });
}

/** Filters that may stand several times in one rule. */
const REPEATABLE: ReadonlySet<HttpRouteFilter['type']> = new Set(['RequestMirror', 'ExtensionRef']);

function filterViolations(filters: readonly HttpRouteFilter[], at: string): readonly FieldViolation[] {
  const seen = new Set<string>();
  return filters.flatMap(({ type }, i) => {
    const clash =
      (type === 'URLRewrite' && seen.has('RequestRedirect')) ||
      (type === 'RequestRedirect' && seen.has('URLRewrite'));
    const twice = seen.has(type) && !REPEATABLE.has(type);
    seen.add(type);
    if (twice)
      return [violation(`${at}[${i}].type`, `${type} stands here twice`, 'Put both into one filter.')];
    return clash
      ? [
          violation(
            `${at}[${i}].type`,
            'URLRewrite and RequestRedirect cannot be used together',
            'Keep one of them: a redirect says in its own fields where it leads.',
          ),
        ]
      : [];
  });
}

function portViolations({ backendRefs, filters }: Rule, at: string): readonly FieldViolation[] {
  const refs = [
    ...backendRefs.map((ref, i) => [`${at}.backendRefs[${i}]`, ref] as const),
    ...filters.flatMap((filter, i) =>
      filter.type === 'RequestMirror'
        ? [[`${at}.filters[${i}].requestMirror.backendRef`, filter.requestMirror.backendRef] as const]
        : [],
    ),
  ];
  return refs.flatMap(([path, { group, kind, port }]) =>
    group === '' && kind === 'Service' && port === undefined
      ? [violation(`${path}.port`, 'is required for a Service', 'Add the port of the Service.')]
      : [],
  );
}

function timeoutViolations(
  timeouts: HttpRouteSpec['rules'][number]['timeouts'],
  at: string,
): readonly FieldViolation[] {
  const whole = durationMs(timeouts?.request ?? '0s');
  const single = durationMs(timeouts?.backendRequest ?? '0s');
  // 0s: no limit.
  return whole > 0 && single > whole
    ? [
        violation(
          `${at}.timeouts.backendRequest`,
          `is ${timeouts?.backendRequest ?? ''}, longer than the whole request (${timeouts?.request ?? ''})`,
          `Write at most ${timeouts?.request ?? ''}.`,
        ),
      ]
    : [];
}

/** A prefix can be replaced only where a prefix was matched, and nothing is forwarded where a redirect answers. */
function redirectViolations(rule: Rule, at: string): readonly FieldViolation[] {
  const paths = rule.matches.map((m) => ('path' in m ? m.path.type : 'PathPrefix'));
  return rule.filters.flatMap((filter, i) => {
    const path =
      filter.type === 'RequestRedirect'
        ? ['requestRedirect', filter.requestRedirect.path?.type]
        : filter.type === 'URLRewrite'
          ? ['urlRewrite', filter.urlRewrite.path?.type]
          : [];
    const unfit =
      path[1] === 'ReplacePrefixMatch' && paths.some((type) => type !== 'PathPrefix')
        ? [
            violation(
              `${at}.filters[${i}].${path[0] ?? ''}.path.type`,
              'ReplacePrefixMatch needs matches of type PathPrefix only',
              'Use ReplaceFullPath, or match by PathPrefix.',
            ),
          ]
        : [];
    const forwarded =
      filter.type === 'RequestRedirect' && rule.backendRefs.length > 0
        ? [
            violation(
              `${at}.backendRefs`,
              'must be empty beside a RequestRedirect',
              'Remove the backends, or the redirect.',
            ),
          ]
        : [];
    return [...unfit, ...forwarded];
  });
}

function violation(path: string, message: string, fix: string): FieldViolation {
  return { path, code: 'GATEWAY_INVALID', message, fix };
}
