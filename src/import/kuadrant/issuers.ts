import { compact } from './documents.ts';
import type { Field } from './ledger.ts';

/** `cert-manager.io/v1` Issuer or ClusterIssuer: fields of an Issuer. Undefined, and told. */
export function issuerSpecOf(spec: Field): Readonly<Record<string, unknown>> | undefined {
  const acme = spec.get('acme');
  if (acme !== undefined) return acmeOf(acme);
  for (const kind of ['selfSigned', 'ca']) {
    const field = spec.get(kind);
    if (field === undefined) continue;
    field.tell(
      'approximate',
      "the hub's own development CA instead: give clients its certificate (`portolan gateway ca`)",
    );
    return { internal: {} };
  }
  spec.tell('unsupported', 'Issuers are ACME CAs or the internal one');
  return undefined;
}

function acmeOf(acme: Field): Readonly<Record<string, unknown>> | undefined {
  const directory = acme.text('server');
  if (directory === undefined) return undefined;
  acme.exact('server', 'email', 'profile', 'preferredChain');
  acme.get('privateKeySecretRef')?.tell('approximate', 'the hub makes an account of its own, with a new key');
  acme.get('solvers')?.tell('approximate', 'DNSProviders of the namespace answer dns-01, gateways http-01');
  acme.get('disableAccountKeyGeneration')?.tellRest();
  acme.get('enableDurationFeature')?.tell('approximate', 'name a `profile` instead');
  const trust = acme.get('caBundle');
  trust?.tell('unsupported', 'put it into a Secret and name that in `acme.caSecret`');
  const skip = acme.get('skipTLSVerify');
  skip?.tell(
    skip.value === true ? 'unsupported' : 'exact',
    skip.value === true ? 'the CA is always verified: name its root in `acme.caSecret`' : undefined,
  );
  const binding = acme.get('externalAccountBinding');
  const keyId = binding?.text('keyID');
  const secret = binding?.get('keySecretRef');
  binding?.exact('keyID');
  secret?.tell('exact', 'a Secret of this name is needed in the hub');
  binding?.get('keyAlgorithm')?.tell('exact', 'HS256 always');
  return {
    acme: compact({
      directory,
      email: acme.text('email'),
      termsOfServiceAgreed: true,
      profile: acme.text('profile'),
      preferredChain: acme.text('preferredChain'),
      externalAccountBinding:
        keyId === undefined
          ? undefined
          : { keyId, secret: { name: secret?.text('name') ?? '', key: secret?.text('key') ?? 'secret' } },
    }),
  };
}
