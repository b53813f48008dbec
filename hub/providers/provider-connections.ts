import type { OutboundGuard, ProviderClock, ProviderKind } from '../../providers/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import {
  type DnsProviderSpec,
  type DnsProviderType,
  providerSecretOf,
  providerTypeOf,
} from '../../src/resources/dns-provider.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Store } from '../store/contract.ts';
import { type Account, accountKeyOf, createAccount } from './account.ts';
import { caSecretOf } from './ca-secret.ts';
import { type Connection, createConnection, type Operation } from './connection.ts';
import { ownCredentialsProblem } from './own-credentials.ts';

/** Every kind of DNS provider that a DNSProvider can be, by its name in the spec. */
export type ProviderKinds = Readonly<Record<DnsProviderType, ProviderKind>>;

/** The DNSProviders that there are. Each is connected to its account when it is first used. */
export interface ProviderConnections {
  /** Takes over the DNSProviders of a world. @returns those whose connection is another now: they are new, or their spec or a Secret changed */
  follow(world: World): ReadonlySet<ObjectKey>;
  /** @throws PortolanError NOT_FOUND, PROVIDER_DENIED */
  of(provider: ObjectKey): Promise<Connection>;
  /** Why a DNSProvider cannot be connected as it is. */
  problemOf(provider: ObjectKey): PortolanError | undefined;
  kindOf(spec: DnsProviderSpec): ProviderKind;
  /** Accounts in use: DNSProviders of a namespace with the same account share one, and its rate. */
  readonly accounts: ReadonlyMap<string, Account>;
  readonly operations: readonly OperationCount[];
  close(): Promise<void>;
}

export interface OperationCount {
  readonly provider: ObjectKey;
  readonly operation: Operation;
  /** `ok`, or the kind of failure. */
  readonly outcome: string;
  readonly count: number;
}

export interface ProviderConnectionsOptions {
  readonly kinds: ProviderKinds;
  readonly store: Pick<Store, 'secretData'>;
  readonly owner: string;
  readonly guard: OutboundGuard;
  /** Namespaces whose DNSProviders may use the hub's own credentials. */
  readonly ownCredentials?: readonly string[] | undefined;
  /** What `problemOf` says is otherwise. */
  readonly onProblem: () => void;
  /** Takes what goes on by itself: the end of a connection that nobody uses any more. */
  readonly inBackground: (work: Promise<void>) => void;
  readonly clock: ProviderClock;
  readonly random: () => number;
  /** Aborted when nothing may be done any more. */
  readonly signal: AbortSignal;
}

/** One DNSProvider. */
interface Connectable {
  /** Of everything the connection is made from: another text, another connection. */
  readonly identity: string;
  connection(): Promise<Connection>;
  problem(): PortolanError | undefined;
  close(): Promise<void>;
}

export function createProviderConnections(options: ProviderConnectionsOptions): ProviderConnections {
  const { store, kinds, clock, inBackground } = options;
  const providers = new Map<ObjectKey, Connectable>();
  const accounts = new Map<string, Account>();
  const operations = new Map<string, { -readonly [K in keyof OperationCount]: OperationCount[K] }>();

  const kindOf = (spec: DnsProviderSpec): ProviderKind => kinds[providerTypeOf(spec)];

  function connectable(name: ObjectKey, identity: string, resource: Resource<'DNSProvider'>): Connectable {
    const { spec, metadata } = resource;
    let opened: Promise<Connection> | undefined;
    let problem: PortolanError | undefined;
    let accountKey: string | undefined;

    async function open(): Promise<Connection> {
      const kind = kindOf(spec);
      // Stored before the operator took that right from the namespace.
      const ambient = ownCredentialsProblem(metadata.namespace, spec, options.ownCredentials);
      if (ambient !== undefined) throw ambient;
      const secretName = providerSecretOf(spec);
      const secret = secretName === undefined ? {} : await valuesOf(secretName);
      const ca = caSecretOf(spec);
      const pem = ca === undefined ? undefined : (await valuesOf(ca.name))[ca.key];
      if (ca !== undefined && pem === undefined)
        throw new PortolanError(
          'PROVIDER_DENIED',
          `Secret ${metadata.namespace}/${ca.name} has no ${ca.key}`,
        );
      accountKey = accountKeyOf(metadata.namespace, spec, secret);
      let account = accounts.get(accountKey);
      if (account === undefined) {
        account = createAccount({ capabilities: kind.capabilities, clock, random: options.random });
        accounts.set(accountKey, account);
      }
      account.join(name, spec.requestsPerSecond);
      return createConnection({
        kind,
        account,
        name,
        owner: options.owner,
        spec,
        secret,
        ca: pem,
        guard: options.guard,
        clock,
        random: options.random,
        count: (operation, outcome) => countOperation(name, operation, outcome),
        signal: options.signal,
      });
    }

    async function valuesOf(secret: string): Promise<Readonly<Record<string, string>>> {
      const values = await store.secretData({ kind: 'Secret', namespace: metadata.namespace, name: secret });
      if (values !== undefined) return values;
      throw new PortolanError('PROVIDER_DENIED', `there is no Secret ${metadata.namespace}/${secret}`, {
        fix: 'Create it with the credentials.',
      });
    }

    return {
      identity,
      connection() {
        opened ??= open().then(
          (connection) => {
            problem = undefined;
            return connection;
          },
          (thrown: unknown) => {
            opened = undefined;
            problem = PortolanError.from(thrown);
            options.onProblem();
            throw problem;
          },
        );
        return opened;
      },
      problem: () => problem,
      async close() {
        const connection = await opened?.catch(() => undefined);
        await connection?.close();
        if (accountKey !== undefined && accounts.get(accountKey)?.leave(name) === true)
          accounts.delete(accountKey);
      },
    };
  }

  function countOperation(provider: ObjectKey, operation: Operation, outcome: string): void {
    const key = `${provider} ${operation} ${outcome}`;
    const known = operations.get(key);
    if (known === undefined) operations.set(key, { provider, operation, outcome, count: 1 });
    else known.count += 1;
  }

  return {
    follow(world) {
      const stored = new Map(
        [...world.objects.DNSProvider].filter(([, r]) => r.metadata.deletionTimestamp === undefined),
      );
      for (const [name, gone] of providers) {
        if (stored.has(name)) continue;
        providers.delete(name);
        inBackground(gone.close());
      }
      const renewed = new Set<ObjectKey>();
      for (const [name, resource] of stored) {
        const identity = identityOf(world, resource);
        const known = providers.get(name);
        if (known?.identity === identity) continue;
        if (known !== undefined) inBackground(known.close());
        providers.set(name, connectable(name, identity, resource));
        renewed.add(name);
      }
      return renewed;
    },
    of(provider) {
      const known = providers.get(provider);
      if (known !== undefined) return known.connection();
      return Promise.reject(new PortolanError('NOT_FOUND', `there is no DNSProvider ${provider}`));
    },
    problemOf: (provider) => providers.get(provider)?.problem(),
    kindOf,
    accounts,
    get operations() {
      return [...operations.values()];
    },
    async close() {
      await Promise.all([...providers.values()].map((provider) => provider.close()));
    },
  };
}

function identityOf(world: World, resource: Resource<'DNSProvider'>): string {
  const { namespace, uid, generation } = resource.metadata;
  const secrets = [providerSecretOf(resource.spec), caSecretOf(resource.spec)?.name].map((name) => {
    const secret = name === undefined ? undefined : world.objects.Secret.get(objectKey(namespace, name));
    return secret === undefined ? '-' : `${secret.metadata.uid}.${secret.metadata.generation}`;
  });
  return [uid, generation, ...secrets].join(' ');
}
