import {
  type ASTNode,
  Environment,
  EvaluationError,
  ParseError,
  TypeError as TypeCheckError,
} from '@marcbachmann/cel-js';
import { messageOf, PortolanError } from '../errors/error.ts';
import {
  CelAuth,
  type CelContext,
  CelDestination,
  CelRequest,
  CelRoute,
  CelSource,
  CelTls,
} from './cel-context.ts';
import { type Network, networkFrom } from './network.ts';
import { compileRegex, type Regex } from './regex.ts';

/** Characters of an expression. */
export const MAX_CEL_LENGTH = 4096;
/** A comprehension inside another multiplies the work by the length of a list that a caller may have chosen. */
const MAX_COMPREHENSION_DEPTH = 2;

/** An expression that parsed and fits its types. Calling it throws CelFailure when a value is missing or does not fit. */
export interface CelProgram {
  (context: CelContext): unknown;
  readonly text: string;
  /** The type of its value as far as it is known beforehand: `bool`, `string`, `list<string>`, `dyn`, … */
  readonly type: string;
  /** Names of the variables it looks at: `request`, `auth`, `descriptors`, … (also those that a comprehension of it binds). */
  readonly variables: ReadonlySet<string>;
}

/** What an expression is for; `text` is anything that has a textual form (`cel-values.ts`). */
export type CelPurpose = 'condition' | 'text' | 'list' | 'any';

/** The evaluation failed: a key is missing, types do not fit, a number is out of range. Its message has no value of the request. */
export class CelFailure extends Error {
  constructor(summary: string) {
    super(summary);
    this.name = 'CelFailure';
  }
}

/** Names that stand for the linear-time implementations; nobody can have chosen them, because they are refused in source text. */
const LINEAR_MATCHES = 'portolanMatches';
const IN_CIDR = 'inCidr';

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 1000, maxDepth: 40, maxListElements: 500, maxMapEntries: 200, maxCallArguments: 8 },
})
  .registerType('Request', {
    ctor: CelRequest,
    fields: {
      id: 'string',
      method: 'string',
      scheme: 'string',
      host: 'string',
      path: 'string',
      query: 'string',
      headers: 'map<string, string>',
      time: 'google.protobuf.Timestamp',
      protocol: 'string',
      size: 'int',
    },
  })
  .registerType('Source', { ctor: CelSource, fields: { address: 'string', port: 'int', country: 'string' } })
  .registerType('Destination', { ctor: CelDestination, fields: { port: 'int' } })
  .registerType('Tls', { ctor: CelTls, fields: { serverName: 'string', version: 'string' } })
  .registerType('Route', { ctor: CelRoute, fields: { name: 'string', namespace: 'string', rule: 'string' } })
  .registerType('Auth', {
    ctor: CelAuth,
    fields: {
      principal: 'string',
      method: 'string',
      rule: 'string',
      keyId: 'string',
      plan: 'string',
      roles: 'list<string>',
      scopes: 'list<string>',
      identity: 'map<string, dyn>',
      metadata: 'map<string, dyn>',
    },
  })
  .registerVariable('request', 'Request')
  .registerVariable('source', 'Source')
  .registerVariable('destination', 'Destination')
  .registerVariable('tls', 'Tls')
  .registerVariable('route', 'Route')
  .registerVariable('auth', 'Auth')
  .registerVariable('descriptors', 'list<map<string, string>>')
  .registerFunction(`string.${LINEAR_MATCHES}(string): bool`, {
    handler: (text: string, pattern: string) => regexOf(pattern).matches(text),
    async: false,
  })
  .registerFunction(`string.${IN_CIDR}(string): bool`, {
    handler: (address: string, block: string) => networkOf(block).holds(address),
    async: false,
  });

/** Patterns and networks stand in expressions as literals only, so there are no more of them than the configuration has. */
const regexes = new Map<string, Regex>();
const networks = new Map<string, Network>();
const MAX_REMEMBERED = 10_000;

function remembered<V>(memory: Map<string, V>, key: string, make: (key: string) => V): V {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const made = make(key);
  if (memory.size >= MAX_REMEMBERED) memory.clear();
  memory.set(key, made);
  return made;
}

function regexOf(pattern: string): Regex {
  return remembered(regexes, pattern, (text) => compileRegex(text, 'search'));
}

function networkOf(block: string): Network {
  return remembered(networks, block, networkFrom);
}

/**
 * Parses an expression and checks it against what there is (`cel-context.ts`).
 * Besides standard CEL there is `source.address.inCidr('10.0.0.0/8')`; the argument of `matches` and `inCidr` is a literal.
 * @throws PortolanError CEL_INVALID with the position
 */
export function compileCel(text: string, purpose: CelPurpose = 'any'): CelProgram {
  if (text.length > MAX_CEL_LENGTH) {
    throw new PortolanError(
      'CEL_INVALID',
      `A CEL expression of ${text.length} characters is longer than ${MAX_CEL_LENGTH}.`,
      { fix: 'Shorten it, or split it into several.' },
    );
  }
  const refuse = (error: unknown): PortolanError => refusal(text, error);
  const variables = new Set<string>();
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = environment.parse(text);
    makeLinear(parsed.ast, 0, variables);
  } catch (error) {
    throw refuse(error);
  }
  const checked = parsed.check();
  if (!checked.valid || checked.type === undefined) throw refuse(checked.error);
  if (!fits(checked.type, purpose)) {
    throw refuse(new Unfit(`its value is of type ${checked.type}, where ${WANTED[purpose]} is needed`, 0));
  }
  const run = (context: CelContext): unknown => {
    try {
      return parsed(context);
    } catch (error) {
      throw error instanceof EvaluationError ? new CelFailure(error.summary) : error;
    }
  };
  return Object.assign(run, { text, type: checked.type, variables });
}

/** An expression that says yes or no; errors and everything but `true` count as no. @throws PortolanError CEL_INVALID */
export function compileCondition(text: string): (context: CelContext) => boolean {
  const program = compileCel(text, 'condition');
  return (context) => {
    try {
      return program(context) === true;
    } catch (error) {
      if (error instanceof CelFailure) return false;
      throw error;
    }
  };
}

/** Several conditions that must all hold; none: true. @throws PortolanError CEL_INVALID */
export function compileConditions(texts: readonly string[]): (context: CelContext) => boolean {
  const conditions = texts.map(compileCondition);
  const [only] = conditions;
  if (only === undefined) return () => true;
  if (conditions.length === 1) return only;
  return (context) => {
    for (const condition of conditions) if (!condition(context)) return false;
    return true;
  };
}

const WANTED: Readonly<Record<CelPurpose, string>> = {
  condition: 'bool',
  text: 'text',
  list: 'a list',
  any: 'anything',
};

function fits(type: string, purpose: CelPurpose): boolean {
  if (purpose === 'any' || type.startsWith('dyn')) return true;
  if (purpose === 'condition') return type === 'bool';
  if (purpose === 'list') return type.startsWith('list');
  return !/^(Request|Source|Destination|Tls|Route|Auth|type|optional.*)$/.test(type);
}

/** A reason of ours, beside those of the library. */
class Unfit extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

function refusal(text: string, error: unknown): PortolanError {
  const shown = text.length <= 120 ? text : `${text.slice(0, 117)}...`;
  const [reason, at] =
    error instanceof ParseError || error instanceof TypeCheckError
      ? [error.summary, error.range?.start ?? 0]
      : error instanceof Unfit
        ? [error.message, error.at]
        : [messageOf(error), 0];
  return new PortolanError(
    'CEL_INVALID',
    `The CEL expression "${shown}" cannot be used: ${reason.replace(/\.$/, '')} (at character ${at + 1}).`,
    { cause: error },
  );
}

const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** Puts our linear-time matching in the place of `matches`, and refuses what could not be bounded. */
function makeLinear(node: ASTNode, depth: number, variables: Set<string>): void {
  switch (node.op) {
    case 'value':
      return;
    case 'id':
      variables.add(node.args);
      return;
    case '.':
    case '.?':
      makeLinear(node.args[0], depth, variables);
      return;
    case 'call':
      for (const argument of node.args[1]) makeLinear(argument, depth, variables);
      return;
    case 'rcall': {
      const [name, receiver, given] = node.args;
      const inside = COMPREHENSIONS.has(name) ? depth + 1 : depth;
      if (inside > MAX_COMPREHENSION_DEPTH) {
        throw new Unfit(`comprehensions nested deeper than ${MAX_COMPREHENSION_DEPTH}`, node.pos);
      }
      makeLinear(receiver, depth, variables);
      for (const argument of given) makeLinear(argument, inside, variables);
      if (name === LINEAR_MATCHES) throw new Unfit(`there is no function ${name}`, node.pos);
      if (name === 'matches') {
        usable(given, () => regexOf(literalOf(name, given)));
        node.args[0] = LINEAR_MATCHES;
      }
      if (name === IN_CIDR) usable(given, () => networkOf(literalOf(name, given)));
      return;
    }
    case '!_':
    case '-_':
      makeLinear(node.args, depth, variables);
      return;
    case 'list':
      for (const item of node.args) makeLinear(item, depth, variables);
      return;
    case 'map':
      for (const [key, value] of node.args) {
        makeLinear(key, depth, variables);
        makeLinear(value, depth, variables);
      }
      return;
    default:
      for (const operand of node.args) makeLinear(operand, depth, variables);
  }
}

/** A pattern that came with a request could be made costly; a written one was looked at when it was stored. */
function literalOf(name: string, given: readonly ASTNode[]): string {
  const [argument] = given;
  if (given.length === 1 && argument?.op === 'value' && typeof argument.args === 'string')
    return argument.args;
  throw new Unfit(`the argument of ${name}() must be a text in quotes`, argument?.pos ?? 0);
}

/** Runs the making of a literal's meaning; what is wrong with it is told at its place. */
function usable(given: readonly ASTNode[], make: () => unknown): void {
  try {
    make();
  } catch (error) {
    throw error instanceof PortolanError ? new Unfit(error.message, given[0]?.pos ?? 0) : error;
  }
}
