import { ATTRIBUTES, type Attributes } from './attributes.ts';
import type { Field } from './ledger.ts';

/** Where `auth.identity` is a Secret there, with the key in it; its labels and annotations are taken over by `portolan key import`. */
const KEYS: Attributes = {
  'auth.identity.metadata.labels': { ours: 'auth.identity.labels' },
  'auth.identity.metadata.annotations': { ours: 'auth.identity.attributes' },
  'auth.identity.metadata.namespace': { ours: 'auth.identity.namespace' },
  'auth.identity.metadata': {},
  'auth.identity': { ours: 'auth.identity', difference: 'a key has labels and attributes here' },
};

/** The status of a TokenReview. */
const REVIEWS: Attributes = {
  'auth.identity.user.username': { ours: 'auth.identity.username' },
  'auth.identity.user.uid': { ours: 'auth.identity.uid' },
  'auth.identity.user.groups': { ours: 'auth.identity.groups' },
  'auth.identity.user.extra': { ours: 'auth.identity.extra' },
  'auth.identity.audiences': { ours: 'auth.identity.audiences' },
  'auth.identity': {},
};

/** What `plain` selects is the identity itself; here its text is the principal. */
const PLAIN: Attributes = { 'auth.identity': { ours: 'auth.principal' } };

/** The subject of a certificate. */
const CERTIFICATES: Attributes = {
  'auth.identity.CommonName': { ours: 'auth.identity.commonName' },
  'auth.identity': {},
};

const MIXED: Attributes = {
  'auth.identity': {
    ours: 'auth.identity',
    difference: 'what an identity has depends on how the caller authenticated',
  },
};

/** Claims of a token, as the issuer named them. */
const CLAIMS: Attributes = {};

/** What `auth.identity` is made of under these authentication rules. */
export function identityAttributes(rules: Field | undefined): Attributes {
  const kinds = (rules?.entries() ?? []).map(([, rule]) => kindOf(rule)).filter((kind) => kind !== undefined);
  const [only = CLAIMS, ...others] = new Set(kinds);
  return { ...ATTRIBUTES, ...NOBODYS, ...(others.length === 0 ? only : mixed([only, ...others])) };
}

/** What `auth.identity` is made of for those who come in by this rule. */
export function identityOf(rule: Field): Attributes {
  return { ...ATTRIBUTES, ...NOBODYS, ...(kindOf(rule) ?? CLAIMS) };
}

/** There the identity of nobody says `anonymous: true`. */
const NOBODYS: Attributes = { 'auth.identity.anonymous': {} };

/**
 * Names that one way of several has otherwise here cannot be said: a comparison with what is never there would hold for everybody ("is not banned").
 */
function mixed(kinds: readonly Attributes[]): Attributes {
  const names = kinds.flatMap((kind) => Object.keys(kind)).filter((name) => name !== 'auth.identity');
  return {
    ...(kinds.includes(PLAIN) ? { 'auth.identity': {} } : MIXED),
    ...Object.fromEntries(names.map((name) => [parentOf(name), {}])),
  };
}

/** `auth.identity.user` of `auth.identity.user.groups`: what is beside it is not here either. */
function parentOf(name: string): string {
  return name.split('.').slice(0, 3).join('.');
}

/** Undefined: nobody has an identity by it. */
function kindOf(rule: Field): Attributes | undefined {
  if (rule.get('anonymous') !== undefined) return undefined;
  if (rule.get('apiKey') !== undefined) return KEYS;
  if (rule.get('kubernetesTokenReview') !== undefined) return REVIEWS;
  if (rule.get('plain') !== undefined) return PLAIN;
  return rule.get('x509') === undefined ? CLAIMS : CERTIFICATES;
}

/**
 * In limits `auth.identity` has what the AuthPolicy hands on there (a filter `identity`).
 * @param handedOn names of the properties that some AuthPolicy hands on
 */
export function limitAttributes(handedOn: ReadonlySet<string>): Attributes {
  const known = [...handedOn].map(
    (name) => [`auth.identity.${name}`, { ours: `auth.identity.${name}` }] as const,
  );
  const identity = {
    ours: 'auth.identity',
    difference:
      'the identity must have this: a claim of the token, or a field that the AuthPolicy sets (`overrides`)',
  };
  return {
    ...ATTRIBUTES,
    'auth.identity': identity,
    // Token policies see claims under this name.
    'request.auth.claims': identity,
    ...Object.fromEntries(known),
  };
}
