import { VALUE_KEY, VALUE_ORDER_KEY, type WantedCertificate } from '../../src/certificates/model.ts';
import { sameNames } from '../../src/certificates/names.ts';
import { agentKeyOf, intended } from '../../src/certificates/order.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { namespaceOf } from './book.ts';
import { presenterOf } from './challenge-choice.ts';
import { inGroups } from './in-groups.ts';
import { notOurs, Overtaken } from './order-end.ts';
import type { OrderCounting, OrderRunPorts } from './order-ports.ts';
import { emptyRecord, mayReuse, withoutOrderKey } from './order-record.ts';
import type { OpenIssuer } from './parts.ts';

/** What is looked at before an order, and the first record of it with its key. @returns why none may begin now */
export function createOrderBegin(
  ports: OrderRunPorts,
  counting: OrderCounting,
): (
  wanted: WantedCertificate,
  issuerKey: ObjectKey,
  issuer: OpenIssuer,
  signal: AbortSignal,
) => Promise<string | undefined> {
  const { records, wallMs } = ports;

  async function begin(
    wanted: WantedCertificate,
    issuerKey: ObjectKey,
    issuer: OpenIssuer,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { id } = wanted;
    const taken = ports.claim(id, wanted.names);
    if (taken !== undefined) return taken;
    const current = records.get(id)?.current;
    const replaces = await counting.replaced(current, issuerKey, issuer, signal);
    counting.hold(counting.asking(id, { issuer: issuerKey, names: wanted.names, replaces }));
    if (!issuer.internal) await assertOurs(wanted, signal);
    const nowMs = wallMs();
    const reused = wanted.reuseKey && mayReuse(records.get(id), wanted);
    const keyPem =
      wanted.cluster !== undefined
        ? undefined
        : ((reused ? (await records.values(id))[VALUE_KEY] : undefined) ??
          (await ports.keys.newKey(wanted.key)));
    const agentKey =
      wanted.cluster === undefined
        ? undefined
        : ((reused && sameNames(current?.names ?? [], wanted.names) ? current?.agentKey : undefined) ??
          agentKeyOf(id, nowMs));
    const order = intended(wanted, {
      issuer: issuerKey,
      directory: issuer.directory,
      nowMs,
      ...(agentKey === undefined ? {} : { agentKey }),
      ...(replaces === undefined ? {} : { replaces }),
    });
    await records.write(
      id,
      (record) => {
        if (record?.order !== undefined) throw new Overtaken();
        return { ...(record ?? emptyRecord(wanted)), order };
      },
      {
        values: (before) => ({
          ...withoutOrderKey(before),
          ...(keyPem === undefined ? {} : { [VALUE_ORDER_KEY]: keyPem }),
        }),
      },
    );
    return undefined;
  }

  /** Before the CA is bothered: a name that nobody here can prove fails every order it is in. */
  async function assertOurs(wanted: WantedCertificate, signal: AbortSignal): Promise<void> {
    const namespace = namespaceOf(wanted);
    const problems = await inGroups(wanted.names, async (full) => {
      const wildcard = full.startsWith('*.');
      const name = wildcard ? full.slice(2) : full;
      const found = await presenterOf(
        ports.presenters,
        namespace,
        { name, wildcard },
        wanted.challenge,
        undefined,
        signal,
      );
      return 'why' in found ? [`${full}: ${found.why}`] : [];
    });
    if (problems.flat().length > 0) throw notOurs(problems.flat());
  }

  return begin;
}
