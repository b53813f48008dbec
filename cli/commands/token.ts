import { type Command, Option } from 'commander';
import type { RoleBinding, Token } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { ageText, parseDurationMs } from '../output/duration.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';

const ROLES: readonly RoleBinding['role'][] = ['viewer', 'operator', 'admin'];

export function addTokenCommand(program: Command, session: Session): void {
  const token = program
    .command('token')
    .summary('create, list and revoke API tokens')
    .description(
      'API tokens with roles: viewers look; operators run traffic (policies, drains, drills); admins decide who and what is trusted.',
    );
  addCreate(token, session);
  addList(token, session);
  addRevoke(token, session);
}

interface CreateOptions {
  readonly role?: RoleBinding['role'];
  readonly bind?: readonly RoleBinding[];
  readonly allNamespaces?: boolean;
  readonly ttl?: string;
}

function addCreate(token: Command, session: Session): void {
  token
    .command('create <display>')
    .summary('make an API token')
    .description('Makes an API token; its text is shown only now. `-o name` prints the text alone.')
    .addOption(new Option('--role <role>', 'role in the namespace (-n), or in all with -A').choices(ROLES))
    .option('-A, --all-namespaces', 'the role holds in every namespace')
    .option('--bind <namespace=role>', 'a role in a namespace; may be repeated', binding)
    .option('--ttl <duration>', 'it ends after this time, such as 90d (default: never)')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan token create "grafana" --role viewer -A --ttl 90d
  $ portolan token create "shop team" --bind shop=operator --bind staging=admin -o name > shop.token`,
    )
    .action(async (display: string, options: CreateOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const bindings: readonly RoleBinding[] = [
        ...(options.bind ?? []),
        ...(options.role === undefined
          ? []
          : [{ namespace: options.allNamespaces === true ? '*' : namespace, role: options.role }]),
      ];
      if (bindings.length === 0) {
        throw new PortolanError('USAGE', 'a token needs a role', {
          fix: 'Give --role viewer (with -n or -A), or --bind <namespace>=<role>.',
        });
      }
      const created = await client.createToken({
        display,
        bindings,
        ...(options.ttl === undefined
          ? {}
          : {
              expiresAt: new Date(
                session.terminal.nowMs() + parseDurationMs(options.ttl, '--ttl'),
              ).toISOString(),
            }),
      });
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(created, format));
      else {
        printLines(session, [created.token]);
        if (format !== 'name')
          progress(
            session,
            self,
            `token ${created.id} (${bindingsText(bindings)}${created.expiresAt === undefined ? '' : `, until ${created.expiresAt}`}) is shown only now; it goes into PORTOLAN_TOKEN or a file for --token-file`,
          );
      }
    });
}

function addList(token: Command, session: Session): void {
  token
    .command('list')
    .summary('API tokens, without their secrets')
    .description('Lists the tokens that the caller may manage.')
    .addHelpText('after', '\nExamples:\n  $ portolan token list\n  $ portolan token list -o json')
    .action(async (_options: unknown, self: Command) => {
      const format = outputOf(self);
      const { client } = connect(session, self);
      const items = await client.listTokens();
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText({ items }, format));
        return;
      }
      const now = session.terminal.nowMs();
      printLines(
        session,
        table(
          ['ID', 'DISPLAY', 'ROLES', 'AGE', 'USED', 'UNTIL'],
          items.map((t) => row(t, now)),
        ),
      );
    });
}

function row(token: Token, nowMs: number): readonly string[] {
  return [
    token.id,
    token.display,
    bindingsText(token.bindings),
    ageText(token.createdAt, nowMs),
    token.lastUsedAt === undefined ? 'never' : `${ageText(token.lastUsedAt, nowMs)} ago`,
    token.expiresAt ?? 'no end',
  ];
}

function addRevoke(token: Command, session: Session): void {
  token
    .command('revoke <id>')
    .summary('end an API token')
    .description(
      'Ends a token: requests with it are refused from now on. `portolan token list` shows the ids.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan token revoke xS2Gu0LhJrRa8lg\n  $ portolan token revoke "$(portolan token list -o json | jq -r \'.items[] | select(.display=="grafana").id\')"',
    )
    .action(async (id: string, _options: unknown, self: Command) => {
      const format = outputOf(self, ['json', 'name']);
      const { client } = connect(session, self);
      await client.revokeToken(id);
      if (format === 'json') session.terminal.out(documentText({ id, revoked: true }, 'json'));
      else printLines(session, [format === 'name' ? id : `token ${id} revoked`]);
    });
}

export function bindingsText(bindings: readonly RoleBinding[]): string {
  return bindings
    .map((b) => `${b.role} in ${b.namespace === '*' ? 'all namespaces' : b.namespace}`)
    .join(', ');
}

function binding(text: string, before: readonly RoleBinding[] | undefined): readonly RoleBinding[] {
  const [namespace = '', roleText] = text.split('=');
  const role = ROLES.find((r) => r === roleText);
  if (namespace === '' || role === undefined) {
    throw new PortolanError('USAGE', `--bind ${JSON.stringify(text)} is no namespace and role`, {
      fix: `Write it like --bind shop=operator; roles: ${ROLES.join(', ')}; * stands for every namespace.`,
    });
  }
  return [...(before ?? []), { namespace, role }];
}
