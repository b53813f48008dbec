import { type CelProgram, type CelPurpose, compileCel } from '../../src/policy/cel.ts';
import {
  type LimitSpec,
  limitRulesOf,
  type RateLimitPolicySpec,
} from '../../src/resources/rate-limit-policy.ts';
import type { Unplaced } from '../reconcile/references.ts';
import { gatewayViolation, refusedBy } from './refusals.ts';

interface Expression {
  readonly path: string;
  readonly text: string;
  readonly purpose: CelPurpose;
  /** A cost has a number. */
  readonly number?: true;
}

const NUMBERS = /^(int|uint|double|dyn)/;

/** CEL expressions of a RateLimitPolicy that do not parse, do not fit their types, or look at what is not there. */
export function limitExpressions(spec: RateLimitPolicySpec): readonly Unplaced[] {
  return expressionsOf(spec).flatMap(({ path, text, purpose, number }) =>
    compiled(path, text, purpose, (program) => [
      ...outOfReach(path, program, spec.domain !== undefined),
      ...(number === true && !NUMBERS.test(program.type)
        ? [
            gatewayViolation(
              path,
              'CEL_INVALID',
              `its value is of type ${program.type}, where a number is needed`,
              "Write an expression with a whole number, such as int(request.headers['x-cost']).",
            ),
          ]
        : []),
    ]),
  );
}

/** Whether a limit looks at who calls. */
export function looksAtCallers({ plans, counters, when }: LimitSpec): boolean {
  return (
    Object.keys(plans).length > 0 ||
    [...counters, ...when].some((text) => {
      try {
        return compileCel(text).variables.has('auth');
      } catch {
        return false;
      }
    })
  );
}

function expressionsOf(spec: RateLimitPolicySpec): readonly Expression[] {
  const { path, rules } = limitRulesOf(spec);
  const when = (at: string, texts: readonly string[] | undefined): readonly Expression[] =>
    (texts ?? []).map((text, i) => ({ path: `${at}.when[${i}]`, text, purpose: 'condition' }));
  return [
    ...when(path, rules.when),
    ...Object.entries(rules.limits).flatMap(([name, limit]): readonly Expression[] => {
      const at = `${path}.limits.${name}`;
      const request = limit.cost?.request;
      return [
        ...when(at, limit.when),
        ...limit.counters.map(
          (text, i): Expression => ({ path: `${at}.counters[${i}]`, text, purpose: 'text' }),
        ),
        ...(request === undefined
          ? []
          : [{ path: `${at}.cost.request`, text: request, purpose: 'any', number: true } as const]),
      ];
    }),
  ];
}

/** Runs `check` over an expression that compiles; tells what is wrong with one that does not. */
function compiled(
  path: string,
  text: string,
  purpose: CelPurpose,
  check: (program: CelProgram) => readonly Unplaced[],
): readonly Unplaced[] {
  let found: readonly Unplaced[] = [];
  const refused = refusedBy(path, () => {
    found = check(compileCel(text, purpose));
  });
  return refused.length > 0 ? refused : found;
}

const OF_REQUESTS = ['request', 'source', 'destination', 'tls', 'route', 'auth'];

/** Other proxies say descriptors and nothing else; gateways see requests and have no descriptors. */
function outOfReach(path: string, { variables }: CelProgram, ofDomain: boolean): readonly Unplaced[] {
  if (!ofDomain) {
    return variables.has('descriptors')
      ? [
          gatewayViolation(
            path,
            'CEL_INVALID',
            '`descriptors` is what other proxies say; a gateway does not have them',
            'Look at request, source, route or auth, or write `domain` in the place of targetRefs.',
          ),
        ]
      : [];
  }
  const strange = OF_REQUESTS.find((name) => variables.has(name));
  return strange === undefined
    ? []
    : [
        gatewayViolation(
          path,
          'CEL_INVALID',
          `\`${strange}\` is not known for a domain: other proxies say descriptors only`,
          "Look at descriptors, such as descriptors[0]['remote_address'].",
        ),
      ];
}
