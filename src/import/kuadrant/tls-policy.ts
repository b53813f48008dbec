import { durationMs } from '../../resources/route-fields.ts';
import { compact } from './documents.ts';
import type { SourceGateway } from './gateways.ts';
import type { Field } from './ledger.ts';

/** `kuadrant.io/v1` TLSPolicy: fields of a CertificatePolicy. Undefined, and told: its Gateway is not among the documents. */
export function certificateSpec(
  spec: Field,
  gateways: readonly SourceGateway[],
  issuerName: (kind: string, name: string) => string,
): Readonly<Record<string, unknown>> | undefined {
  const target = spec.get('targetRef');
  const issuer = spec.get('issuerRef')?.text('name');
  const listener = target?.text('sectionName');
  const dnsNames = [
    ...new Set(
      gateways.flatMap(({ listeners }) =>
        listeners
          .filter((one) => listener === undefined || one.name === listener)
          .flatMap(({ hostname }) => hostname ?? []),
      ),
    ),
  ].sort();
  if (issuer === undefined || dnsNames.length === 0) {
    spec.tell('unsupported', 'its Gateway is not among the documents, or no listener of it has a hostname');
    return undefined;
  }
  target?.tell('exact');
  const ours = issuerName(spec.get('issuerRef')?.text('kind') ?? 'Issuer', issuer);
  spec.get('issuerRef')?.tell('exact', `Issuer ${ours} in the same namespace`);
  spec
    .get('commonName')
    ?.tell('approximate', 'certificates have no common name: clients look at the alternative names');
  spec.get('usages')?.tell('approximate', 'the CA decides the usages of server certificates');
  spec.get('revisionHistoryLimit')?.tell('approximate', '`portolan cert history` keeps its own');
  return compact({
    issuers: [ours],
    dnsNames,
    key: keyOf(spec.get('privateKey')),
    renewal: renewalOf(spec),
  });
}

function keyOf(key: Field | undefined): Readonly<Record<string, unknown>> {
  if (key === undefined) return { algorithm: 'RSA-2048' };
  const algorithm = key.text('algorithm') ?? 'RSA';
  const size = key.get('size')?.value;
  key.get('encoding')?.tell('exact', 'PKCS#8 always; both are read by everybody');
  key.exact('rotationPolicy');
  const ours = ALGORITHMS[`${algorithm}-${typeof size === 'number' ? size : ''}`];
  const told = ours === undefined ? 'unsupported' : 'exact';
  key
    .get('algorithm')
    ?.tell(told, ours === undefined ? 'no CA that browsers trust signs it; ECDSA P-256 instead' : undefined);
  key.get('size')?.tell(told, ours === undefined ? 'ECDSA P-256 instead' : undefined);
  return compact({
    algorithm: ours ?? 'ECDSA-P256',
    reuse: key.text('rotationPolicy') === 'Never' ? true : undefined,
  });
}

const ALGORITHMS: Readonly<Record<string, string>> = {
  'RSA-': 'RSA-2048',
  'RSA-2048': 'RSA-2048',
  'RSA-3072': 'RSA-3072',
  'RSA-4096': 'RSA-4096',
  'ECDSA-': 'ECDSA-P256',
  'ECDSA-256': 'ECDSA-P256',
  'ECDSA-384': 'ECDSA-P384',
};

/** 90 days are cert-manager's default. */
const DEFAULT_LIFE_MS = 90 * 86_400_000;

function renewalOf(spec: Field): Readonly<Record<string, unknown>> {
  const before = spec.text('renewBefore');
  const life = spec.text('duration');
  spec
    .get('duration')
    ?.tell(
      'approximate',
      'the CA decides how long certificates live; name a `profile` in the Issuer where it has several',
    );
  if (before === undefined) return {};
  const share = Math.round(
    (durationMs(before) / (life === undefined ? DEFAULT_LIFE_MS : durationMs(life))) * 100,
  );
  const remainingPercent = Math.min(95, Math.max(5, Number.isFinite(share) ? share : 33));
  spec
    .get('renewBefore')
    ?.tell(
      'approximate',
      `as a share of the life: ${remainingPercent} %; a window that the CA suggests goes before it`,
    );
  return { remainingPercent };
}
