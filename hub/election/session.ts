import pg from 'pg';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { postgresError } from '../store/postgres.ts';

/** One connection of the election's own: a pool that is busy or full must not cost a hub its lead. */
export interface DatabaseSession {
  /** Rejects with STORE_UNAVAILABLE after `timeoutMs`; connects anew when there is no connection. */
  query(text: string, values: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

export interface DatabaseSessionOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** For connecting, and for each query. */
  readonly timeoutMs: number;
  /** Some hub has told the others of a change: a lease was given back, another one leads, content was published. */
  readonly onNotice: (what: string) => void;
}

export const CHANNEL = 'portolan_hub';

export function openDatabaseSession({ url, timeoutMs, onNotice }: DatabaseSessionOptions): DatabaseSession {
  let client: Promise<pg.Client> | undefined;
  let closed = false;

  async function connect(): Promise<pg.Client> {
    const made = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      statement_timeout: timeoutMs,
      application_name: 'portolan election',
      keepAlive: true,
      // A lease that was acknowledged must be there after a crash of the database.
      options: '-c synchronous_commit=on',
    });
    made.on('error', () => drop(made));
    made.on('end', () => drop(made));
    made.on('notification', ({ payload }) => onNotice(payload ?? ''));
    try {
      await made.connect();
      // A pooler in between may not pass these on; then everything is seen when it is looked for, within a second.
      await made.query(`listen ${CHANNEL}`);
      return made;
    } catch (thrown) {
      drop(made);
      throw thrown;
    }
  }

  function drop(broken: pg.Client): void {
    client = undefined;
    broken.end().catch(() => undefined);
  }

  return {
    async query(text, values) {
      if (closed) throw new PortolanError('STORE_UNAVAILABLE', 'the election has ended');
      client ??= connect();
      const using = client;
      try {
        const connected = await using;
        const { rows } = await connected.query<Record<string, unknown>>(text, [...values]);
        return rows;
      } catch (thrown) {
        // After a timeout nobody knows what the connection is in the middle of.
        if (client === using) {
          client = undefined;
          using.then(drop, () => undefined);
        }
        if (thrown instanceof pg.DatabaseError) throw postgresError(thrown);
        throw new PortolanError('STORE_UNAVAILABLE', `The database does not answer: ${messageOf(thrown)}.`, {
          cause: thrown,
        });
      }
    },
    async close() {
      closed = true;
      const last = await client?.catch(() => undefined);
      client = undefined;
      await last?.end().catch(() => undefined);
    },
  };
}
