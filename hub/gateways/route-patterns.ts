import { compileRegex } from '../../src/policy/regex.ts';
import type { GrpcRouteSpec } from '../../src/resources/grpc-route.ts';
import type { HttpRouteSpec } from '../../src/resources/http-route.ts';
import type { Unplaced } from '../reconcile/references.ts';
import { refusedBy } from './refusals.ts';

type Pattern = readonly [path: string, text: string | undefined];

/** Regular expressions of a route's matches that are outside the RE2 subset. */
export function routePatterns(
  route:
    | { readonly kind: 'HTTPRoute'; readonly spec: HttpRouteSpec }
    | { readonly kind: 'GRPCRoute'; readonly spec: GrpcRouteSpec },
): readonly Unplaced[] {
  const patterns =
    route.kind === 'HTTPRoute' ? httpPatterns(route.spec.rules) : grpcPatterns(route.spec.rules);
  return patterns.flatMap(([path, text]) =>
    text === undefined ? [] : refusedBy(path, () => compileRegex(text)),
  );
}

const regex = 'RegularExpression';

function httpPatterns(rules: HttpRouteSpec['rules']): readonly Pattern[] {
  return rules.flatMap(({ matches }, i) =>
    matches.flatMap(({ path, headers, queryParams }, j): readonly Pattern[] => {
      const at = `spec.rules[${i}].matches[${j}]`;
      return [
        [`${at}.path.value`, path.type === regex ? path.value : undefined],
        ...named(`${at}.headers`, headers),
        ...named(`${at}.queryParams`, queryParams),
      ];
    }),
  );
}

function grpcPatterns(rules: GrpcRouteSpec['rules']): readonly Pattern[] {
  return rules.flatMap(({ matches }, i) =>
    matches.flatMap(({ method, headers }, j): readonly Pattern[] => {
      const at = `spec.rules[${i}].matches[${j}]`;
      const isRegex = method?.type === regex;
      return [
        [`${at}.method.service`, isRegex ? method.service : undefined],
        [`${at}.method.method`, isRegex ? method.method : undefined],
        ...named(`${at}.headers`, headers),
      ];
    }),
  );
}

function named(
  path: string,
  matches: readonly { readonly type: string; readonly value: string }[],
): readonly Pattern[] {
  return matches.map(({ type, value }, i) => [`${path}[${i}].value`, type === regex ? value : undefined]);
}
