import type { OutboundGuard, ProviderClock } from '../../providers/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { IssuerSpec } from '../../src/resources/issuer.ts';
import type { DevelopmentCa } from '../gateways/development-ca.ts';
import { type ObjectKey, type Objects, objectKey } from '../reconcile/objects.ts';
import type { Store } from '../store/contract.ts';
import { createAccountShelf, type ShelfStore } from './acme/account-shelf.ts';
import { type AcmeSecrets, type ClosableAcmeClient, createAcmeClient } from './acme/client.ts';
import { createInternalClient, INTERNAL_DIRECTORY } from './internal-client.ts';
import { type IssuerState, issuerStatus } from './issuer-status.ts';
import { observedClient } from './observed-client.ts';
import type { Issuers, OpenIssuer } from './parts.ts';

/** The Issuers that there are, each with a client of its own. */
export interface IssuersOfHub extends Issuers {
  /** Takes over the Issuers and Secrets there are; one that is otherwise gets another client. */
  follow(objects: Pick<Objects, 'Issuer' | 'Secret'>): void;
  /** From now on accounts are made and CAs looked at; before, nothing is asked by itself. */
  start(): void;
  /** Status of an Issuer; undefined: nothing is known yet, so what is stored stays. */
  status(resource: Resource<'Issuer'>, wallMs: number): ReturnType<typeof issuerStatus>;
  close(): void;
}

export interface IssuersOptions {
  readonly store: ShelfStore & Pick<Store, 'secretData'>;
  readonly guard: OutboundGuard;
  readonly developmentCa: Pick<DevelopmentCa, 'issueFromRequest'>;
  /** Of this program. */
  readonly version: string;
  /** What `status` says is otherwise. */
  readonly onStatus: () => void;
  readonly clock: ProviderClock;
  readonly random: () => number;
}

const LETS_ENCRYPT = {
  host: 'acme-v02.api.letsencrypt.org',
  staging: 'https://acme-staging-v02.api.letsencrypt.org/directory',
};
/** A CA that works is looked at so often: profiles come and go. */
const LOOK_EVERY_MS = 6 * 3_600_000;
/** One that does not: from a minute to an hour. */
const AGAIN = { baseMs: 120_000, capMs: 3_600_000 };
const FLOOR_MS = 30_000;

interface Known {
  readonly identity: string;
  readonly spec: IssuerSpec;
  readonly open: OpenIssuer;
  staging?: OpenIssuer;
  state: IssuerState;
  /** Ends what is asked by itself, and every client. */
  readonly ended: AbortController;
  readonly clients: ClosableAcmeClient[];
}

export function createIssuers(options: IssuersOptions): IssuersOfHub {
  const { store, clock } = options;
  const issuers = new Map<ObjectKey, Known>();
  let started = false;

  function acmeClient(key: ObjectKey, known: Pick<Known, 'clients'>, spec: AcmeSpec, directory: string) {
    const client = createAcmeClient({
      directory,
      contact: spec.email,
      secrets: () => secretsOf(key, spec),
      shelf: createAccountShelf({
        store,
        issuer: key,
        directory,
        externalAccount: spec.externalAccountBinding?.keyId,
      }),
      guard: options.guard,
      version: options.version,
      nowMs: () => clock.wallMs(),
    });
    known.clients.push(client);
    return client;
  }

  async function secretsOf(key: ObjectKey, spec: AcmeSpec): Promise<AcmeSecrets> {
    const [namespace = ''] = key.split('/');
    const secretValue = async (ref: { readonly name: string; readonly key: string }): Promise<string> => {
      const values = await store.secretData({ kind: 'Secret', namespace, name: ref.name });
      const value = values?.[ref.key];
      if (value !== undefined) return value;
      const what =
        values === undefined
          ? `there is no Secret ${namespace}/${ref.name}`
          : `Secret ${namespace}/${ref.name} has no ${ref.key}`;
      throw new PortolanError('ISSUER_REFUSED', `Issuer ${key}: ${what}`, {
        fix: 'Create the Secret that the Issuer names, or correct the reference.',
      });
    };
    const { caSecret, externalAccountBinding: binding } = spec;
    return {
      ...(caSecret === undefined ? {} : { ca: rootsIn(await secretValue(caSecret), key, caSecret) }),
      ...(binding === undefined
        ? {}
        : { externalAccount: { keyId: binding.keyId, hmacKey: await secretValue(binding.secret) } }),
    };
  }

  function begin(key: ObjectKey, identity: string, spec: IssuerSpec): Known {
    const parts = { identity, spec, ended: new AbortController(), clients: [] };
    if (spec.acme === undefined) {
      const client = createInternalClient({
        ca: options.developmentCa,
        lifetimeDays: spec.internal?.lifetimeDays ?? 30,
        nowMs: () => clock.wallMs(),
      });
      const open = { client, directory: INTERNAL_DIRECTORY, internal: true };
      return { ...parts, open, state: { is: 'internal' } };
    }
    const client = acmeClient(key, parts, spec.acme, spec.acme.directory);
    const known: Known = {
      ...parts,
      open: openAcme(
        observedClient(client, (outcome) => observe(known, outcome)),
        spec.acme,
        spec.acme.directory,
      ),
      state: { is: 'unknown' },
    };
    return known;
  }

  function openAcme(client: OpenIssuer['client'], spec: AcmeSpec, directory: string): OpenIssuer {
    return {
      client,
      directory,
      internal: false,
      ...(spec.profile === undefined ? {} : { profile: spec.profile }),
      ...(spec.preferredChain === undefined ? {} : { preferredChain: spec.preferredChain }),
    };
  }

  /** What orders meet says whether the CA can be had; what it thinks of them does not. */
  function observe(known: Known, problem: PortolanError | undefined): void {
    if (problem === undefined) {
      if (known.state.is === 'problem' && known.state.registered !== undefined)
        become(known, { is: 'ready', ...known.state.registered });
    } else if (problem.code === 'ISSUER_UNAVAILABLE' || problem.code === 'ADDRESS_FORBIDDEN')
      become(known, withProblem(known.state, problem));
  }

  function become(known: Known, state: IssuerState): void {
    if (known.ended.signal.aborted) return;
    known.state = state;
    options.onStatus();
  }

  /** Makes the account before anything needs it, so that a person sees at once what is wrong; looks again from time to time. */
  async function look(known: Known): Promise<void> {
    const { signal } = known.ended;
    for (let failures = 0; !signal.aborted; ) {
      let delayMs = LOOK_EVERY_MS;
      try {
        const { profiles } = await known.open.client.directory(signal);
        const account = await known.open.client.account(signal);
        failures = 0;
        become(known, { is: 'ready', account, profiles });
      } catch (thrown) {
        failures += 1;
        delayMs = Math.max(FLOOR_MS, backoffDelayMs(failures, options.random, AGAIN));
        become(known, withProblem(known.state, PortolanError.from(thrown)));
      }
      await clock.wait(delayMs, signal);
    }
  }

  function begun(known: Known): void {
    // Ends with the abort of its signal.
    if (started && !known.open.internal) look(known).catch(() => undefined);
  }

  function end(known: Known): void {
    known.ended.abort(new PortolanError('CONFLICT', 'the Issuer was changed, or the hub ends'));
    for (const client of known.clients) client.close();
  }

  function found(key: ObjectKey): Known {
    const known = issuers.get(key);
    if (known !== undefined) return known;
    throw new PortolanError('NOT_FOUND', `there is no Issuer ${key}`, {
      fix: 'Create it, or correct `spec.issuers` of the CertificatePolicy.',
    });
  }

  return {
    follow(objects) {
      const stored = new Map(
        [...objects.Issuer].filter(([, { metadata }]) => metadata.deletionTimestamp === undefined),
      );
      for (const [key, known] of issuers) {
        const resource = stored.get(key);
        if (resource !== undefined && known.identity === identityOf(resource, objects)) continue;
        issuers.delete(key);
        end(known);
      }
      for (const [key, resource] of stored) {
        if (issuers.has(key)) continue;
        const known = begin(key, identityOf(resource, objects), resource.spec);
        issuers.set(key, known);
        begun(known);
      }
    },
    start() {
      if (started) return;
      started = true;
      for (const known of issuers.values()) begun(known);
    },
    open: async (issuer) => found(issuer).open,
    async openStaging(issuer) {
      const known = found(issuer);
      const { acme } = known.spec;
      if (acme === undefined) return known.open;
      const directory = stagingOf(acme);
      if (directory === undefined)
        throw new PortolanError('ISSUER_REFUSED', `Issuer ${issuer} has no directory for trials`, {
          fix: "Set `spec.acme.staging` to the URL of the CA's staging directory.",
        });
      known.staging ??= openAcme(acmeClient(issuer, known, acme, directory), acme, directory);
      return known.staging;
    },
    status(resource, wallMs) {
      const { namespace, name } = resource.metadata;
      return issuerStatus(resource, issuers.get(objectKey(namespace, name))?.state, wallMs);
    },
    close() {
      for (const known of issuers.values()) end(known);
      issuers.clear();
    },
  };
}

type AcmeSpec = NonNullable<IssuerSpec['acme']>;

function stagingOf({ staging, directory }: AcmeSpec): string | undefined {
  if (staging !== undefined) return staging;
  return new URL(directory).host === LETS_ENCRYPT.host ? LETS_ENCRYPT.staging : undefined;
}

function withProblem(before: IssuerState, problem: PortolanError): IssuerState {
  const registered =
    before.is === 'ready' ? { account: before.account, profiles: before.profiles } : undefined;
  const kept = before.is === 'problem' ? before.registered : registered;
  return { is: 'problem', problem, ...(kept === undefined ? {} : { registered: kept }) };
}

/** Only certificates, whatever else somebody put beside them. */
function rootsIn(
  bundle: string,
  issuer: ObjectKey,
  ref: { readonly name: string; readonly key: string },
): string {
  const roots = splitPem(bundle);
  if (roots.length > 0 && roots.every((pem) => readCertificate(pem) !== undefined)) return roots.join('');
  throw new PortolanError(
    'ISSUER_REFUSED',
    `Issuer ${issuer}: ${ref.key} of Secret ${ref.name} has no PEM certificates, or one that cannot be read`,
    { fix: 'Put the roots of the CA there, each as PEM.' },
  );
}

/** Of everything a client is made from. */
function identityOf({ metadata, spec }: Resource<'Issuer'>, objects: Pick<Objects, 'Secret'>): string {
  const secrets = [spec.acme?.caSecret, spec.acme?.externalAccountBinding?.secret].map((ref) => {
    const secret =
      ref === undefined ? undefined : objects.Secret.get(objectKey(metadata.namespace, ref.name));
    return secret === undefined ? '-' : `${secret.metadata.uid}.${secret.metadata.generation}`;
  });
  return [metadata.uid, metadata.generation, ...secrets].join(' ');
}
