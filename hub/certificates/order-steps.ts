import type { ChallengeRecord } from '../../src/certificates/model.ts';
import {
  afterLook,
  asked,
  chosen,
  endsOrder,
  findings,
  notMade,
  placed,
  proven,
  replacingNothing,
  type Step,
  shown,
  surelyNotMade,
} from '../../src/certificates/order.ts';
import { AcmeError, AcmeNoAnswer } from './acme/error.ts';
import { namespaceOf } from './book.ts';
import { presenterOf } from './challenge-choice.ts';
import type { AcmeAuthorization, AcmeOrder } from './contract.ts';
import { inGroups } from './in-groups.ts';
import { ended, notOurs, OrderOver, refusesReplacing, urlOf, validationFailed } from './order-end.ts';
import { findLost } from './order-giving-up.ts';
import { polling } from './order-polling.ts';
import type { At, OrderCounting, OrderRunPorts, RunEnd } from './order-ports.ts';
import { gaveUpAt, move } from './order-record.ts';
import { createOrderTaking } from './order-taking.ts';
import type { OpenIssuer } from './parts.ts';

/**
 * The five steps of an order (`src/certificates/order.ts` says which comes when): each asks the CA or the presenters, and saves what follows.
 * A step that gives nothing back is done: the record says what is next.
 */
export function createOrderSteps(
  ports: OrderRunPorts,
  counting: OrderCounting,
): Readonly<Record<Step, (at: At) => Promise<RunEnd | undefined>>> {
  const { records, wallMs, say } = ports;
  const taking = createOrderTaking(ports, counting);

  return {
    async place({ wanted, order, issuer, signal }) {
      const { id } = wanted;
      if (order.askedAtMs === undefined) counting.hold(counting.asking(id, order));
      if (order.askedAtMs !== undefined || gaveUpAt(records.get(id), order.issuer, wallMs())) {
        say(id, 'looks for an order that was asked for before');
        const lost = await findLost(order, issuer, signal);
        if (lost !== undefined) {
          await move(records, id, order, placed(order, lost));
          return undefined;
        }
      }
      say(id, `asks ${order.issuer} for an order`);
      // Each time: the store refuses it to a hub that was replaced meanwhile.
      const announced = await move(records, id, order, asked(order, wallMs()));
      ports.forecast.ordered(counting.asking(id, order), wallMs());
      let answer: AcmeOrder;
      try {
        answer = await issuer.client.newOrder(
          {
            names: order.names,
            ...(issuer.profile === undefined ? {} : { profile: issuer.profile }),
            ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
          },
          signal,
        );
      } catch (thrown) {
        // An earlier request may have made one all the same: that is not known to be undone.
        const first = order.askedAtMs === undefined;
        if (thrown instanceof AcmeError && surelyNotMade(thrown.problem)) {
          if (order.replaces !== undefined && refusesReplacing(thrown.problem)) {
            const next = replacingNothing(announced);
            await move(records, id, announced, first ? next : asked(next, wallMs()));
            return undefined;
          }
          if (endsOrder(thrown.problem) || (first && thrown.problem.type === 'rateLimited'))
            throw new OrderOver(thrown);
          if (first) await move(records, id, announced, notMade(announced));
        } else if (thrown instanceof AcmeNoAnswer && !thrown.mayBeDone && first)
          await move(records, id, announced, notMade(announced));
        throw thrown;
      }
      await move(records, id, announced, placed(announced, answer));
      return undefined;
    },

    async choose({ wanted, order, issuer, signal }) {
      const { id } = wanted;
      say(id, `reads its order at ${order.issuer}`);
      const answer = await issuer.client.order(urlOf(order), signal);
      const way = afterLook(order, answer);
      if (way.to === 'next') await move(records, id, order, way.order);
      if (way.to === 'end') throw ended(order, answer);
      if (way.to !== 'here') return undefined;
      const open = await openAuthorizations(answer.authorizations, issuer, signal);
      const fault = open.find(({ status }) => status !== 'pending');
      if (fault !== undefined) throw validationFailed(order, fault);
      const namespace = namespaceOf(wanted);
      const picked = await inGroups(open, async (authorization) => {
        const found = await presenterOf(
          ports.presenters,
          namespace,
          authorization,
          wanted.challenge,
          authorization.challenges.map(({ type }) => type),
          signal,
        );
        const challenge =
          'why' in found ? undefined : authorization.challenges.find((c) => c.type === found.type);
        if (challenge === undefined)
          return { problem: `${authorization.name}: ${'why' in found ? found.why : 'no challenge'}` };
        return {
          name: authorization.name,
          wildcard: authorization.wildcard,
          type: challenge.type,
          authorizationUrl: authorization.url,
          challengeUrl: challenge.url,
          token: challenge.token,
          keyAuthorization: await issuer.client.keyAuthorization(challenge.token),
        } satisfies ChallengeRecord;
      });
      const problems = picked.flatMap((p) => ('problem' in p ? [p.problem] : []));
      if (problems.length > 0) throw new OrderOver(notOurs(problems));
      await move(
        records,
        id,
        order,
        chosen(
          order,
          picked.flatMap((p) => ('problem' in p ? [] : [p])),
        ),
      );
      return undefined;
    },

    async show({ wanted, order, signal }) {
      const { id } = wanted;
      const namespace = namespaceOf(wanted);
      const missing = await inGroups(order.challenges, async ({ type, name }) => {
        const presenter = ports.presenters.find((p) => p.type === type);
        return (await presenter?.can(namespace, name, signal))?.ok !== true;
      });
      if (missing.includes(true)) {
        // What could show it when it was chosen cannot any more: another one is chosen.
        await move(records, id, order, { ...order, phase: 'ordered', challenges: [] });
        return undefined;
      }
      say(id, `makes ${countOf(order.challenges.length, 'challenge')} visible`);
      await Promise.all(
        order.challenges.map(async (challenge) => {
          const presenter = ports.presenters.find(({ type }) => type === challenge.type);
          await presenter?.visible({ namespace, certificate: id, challenge }, signal);
        }),
      );
      await move(records, id, order, shown(order));
      return undefined;
    },

    async prove({ wanted, order, issuer, signal, told }) {
      const { id } = wanted;
      say(id, `waits for ${order.issuer} to look at ${countOf(order.challenges.length, 'challenge')}`);
      const poll = polling(ports.wait, signal);
      for (;;) {
        const answers = await inGroups(order.challenges, (c) =>
          issuer.client.authorization(c.authorizationUrl, signal),
        );
        const found = findings(order, answers);
        if (found.found === 'fault') {
          const fault = answers.find(({ url }) => url === found.at.url);
          if (fault !== undefined) throw validationFailed(order, fault);
        }
        if (found.found === 'all') {
          const answer = await issuer.client.order(urlOf(order), signal);
          const way = afterLook(order, answer);
          if (way.to === 'end') throw ended(order, answer);
          if (way.to === 'next') {
            await move(records, id, order, proven(order));
            return undefined;
          }
        }
        if (found.found === 'not yet') {
          const unasked = found.unasked.filter(({ challengeUrl }) => !told.has(challengeUrl));
          await inGroups(unasked, async ({ challengeUrl }) => {
            await issuer.client.answer(challengeUrl, signal);
            told.add(challengeUrl);
          });
        }
        await poll(
          Math.max(0, ...answers.map(({ retryAfterMs = 0 }) => retryAfterMs)),
          `${order.issuer} has not looked at all challenges yet`,
        );
      }
    },

    async finish({ wanted, order, issuer, signal }) {
      const { id } = wanted;
      const poll = polling(ports.wait, signal);
      let answer = await issuer.client.order(urlOf(order), signal);
      let sent = false;
      for (;;) {
        const way = afterLook(order, answer);
        if (way.to === 'end') throw ended(order, answer);
        if (way.to === 'next') {
          await move(records, id, order, way.order);
          return undefined;
        }
        if (way.to === 'take')
          return await taking.take({ wanted, order, issuer, signal }, way.certificateUrl);
        if (way.to === 'here' && !sent) {
          say(id, `hands in the request with its key at ${order.issuer}`);
          const { csr } = await taking.requestOf(wanted, order, signal);
          answer = await issuer.client.finalize(order.finalizeUrl ?? '', await csr(), signal);
          sent = true;
          continue;
        }
        say(id, `waits for ${order.issuer} to sign`);
        await poll(answer.retryAfterMs ?? 0, `${order.issuer} has not signed yet`);
        answer = await issuer.client.order(urlOf(order), signal);
      }
    },
  };
}

async function openAuthorizations(
  urls: readonly string[],
  { client }: OpenIssuer,
  signal: AbortSignal,
): Promise<readonly AcmeAuthorization[]> {
  const all = await inGroups(urls, (url) => client.authorization(url, signal));
  return all.filter(({ status }) => status !== 'valid');
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
