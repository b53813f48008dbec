import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { INTERPRETED_TYPES } from '../../src/dns/records/catalogue.ts';

/* The pages themselves: every command line they show exists, and every link leads somewhere. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = [...globSync('docs/**/*.md', { cwd: root }), 'README.md', 'CONTRIBUTING.md'].sort();
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

interface Shown {
  readonly place: string;
  readonly line: string;
  /** In a sentence a command may stand without its arguments: `portolan cluster drain`. */
  readonly inSentence: boolean;
}

const shown = pages.flatMap(commandLines);

describe('command lines in the documentation', () => {
  it('are found', () => expect(shown.length).toBeGreaterThan(100));

  it.each(shown.map((s) => [`${s.place}: portolan ${s.line}`, s] as const))(
    '%s',
    (_title, { line, inSentence }) => {
      const refused = refusalOf(wordsOf(line));
      expect(
        inSentence && refused !== undefined && INCOMPLETE.has(refused) ? undefined : refused,
      ).toBeUndefined();
    },
  );

  it('would be found out: a command, a flag and an argument that do not exist', () => {
    expect(refusalOf(wordsOf('aply -f x.yaml'))).toBe('commander.unknownCommand');
    expect(refusalOf(wordsOf('apply -f x.yaml --dryrun'))).toBe('commander.unknownOption');
    expect(refusalOf(wordsOf('cluster drain'))).toBe('commander.missingArgument');
    expect(refusalOf(wordsOf('cluster drain paris --for 30m'))).toBeUndefined();
  });
});

describe('links in the documentation', () => {
  const links = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map((m) => ({ page, target: m[1] ?? '' })),
  );

  it('are found', () => expect(links.length).toBeGreaterThan(50));

  it('lead to files and headings that exist', () => {
    const broken = links.filter(({ page, target }) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, file))) return true;
      return anchor !== undefined && !headingsOf(file).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('guides', () => {
  const guides = pages.filter((p) => p.startsWith('docs/guides/') || p === 'docs/quick-start.md');

  it.each(guides)('%s is at most 220 lines long', (page) => {
    expect(textOf(page).trimEnd().split('\n').length).toBeLessThanOrEqual(220);
  });

  it.each(guides)('%s is listed in the index', (page) => {
    expect(textOf('docs/README.md')).toContain(`(${relative('docs', page)})`);
  });
});

describe('what pages list', () => {
  it('zone files: every record type that is read by name', () => {
    const [, listed = ''] =
      /### Record types\n\n([^.;]*?) by name;/.exec(textOf('docs/guides/zone-files.md')) ?? [];
    expect(listed.split(/\s+/).sort()).toEqual([...INTERPRETED_TYPES].sort());
  });

  it('name server, operations, troubleshooting: metrics that there are', () => {
    const declared = new Set(
      globSync('{nameserver,hub,spoke-agent,gateway}/**/*.ts', { cwd: root })
        .filter((file) => !file.endsWith('.test.ts'))
        .flatMap((file) => textOf(file).match(METRIC) ?? []),
    );
    const named = globSync('docs/**/*.md', { cwd: root }).flatMap((page) => textOf(page).match(METRIC) ?? []);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !declared.has(name))).toEqual([]);
  });
});

/** Names that end with an underscore stand for several. */
const METRIC = /\bportolan_[a-z_]*[a-z]\b/g;

/** What a command line lacks when it stands in a sentence. */
const INCOMPLETE = new Set([
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.help',
]);

/** The arguments after `portolan`, of every command line a page shows in code. */
function commandLines(page: string): readonly Shown[] {
  let fence: string | undefined;
  return textOf(page)
    .split('\n')
    .flatMap((text, index): readonly Shown[] => {
      const place = `${page}:${index + 1}`;
      const opening = /^\s*```(\w*)/.exec(text);
      if (opening !== null) {
        fence = fence === undefined ? (opening[1] ?? '') : undefined;
        return [];
      }
      if (fence === undefined) {
        return [...text.matchAll(/`([^`]+)`/g)].flatMap((m) =>
          commandsIn(m[1] ?? '').map((line) => ({ place, line, inSentence: true })),
        );
      }
      // Output stands between the commands of a console block.
      const typed =
        fence === 'console'
          ? /^\s*\$ (.*)$/.exec(text)?.[1]
          : fence === 'sh'
            ? text.replace(/\s# .*$/, '')
            : undefined;
      return typed === undefined ? [] : commandsIn(typed).map((line) => ({ place, line, inSentence: false }));
    });
}

/** `A=1 npx portolan x "$(portolan y)" | head` holds `x "…"` and `y`. */
function commandsIn(text: string): readonly string[] {
  const { outer, inner } = substitutions(text);
  const own = outer
    .split(/\s*(?:\||&&|;)\s*/)
    .flatMap((part) => /^(?:\w+=\S+ |sudo )*(?:npx )?portolan (.*)/.exec(part.trim())?.[1] ?? [])
    .map((line) => line.replace(/\s>.*$/, '').trim())
    // `portolan <command> --help` speaks of any command.
    .filter((line) => line !== '' && !/^[…<]/.test(line));
  return [...own, ...inner.flatMap(commandsIn)];
}

/** Command substitutions, which may hold parentheses themselves, taken out of a line. */
function substitutions(text: string): { readonly outer: string; readonly inner: readonly string[] } {
  const start = text.indexOf('$(');
  if (start === -1) return { outer: text, inner: [] };
  let depth = 0;
  let end = start + 1;
  for (; end < text.length; end += 1) {
    if (text[end] === '(') depth += 1;
    if (text[end] === ')') depth -= 1;
    if (depth === 0) break;
  }
  const rest = substitutions(text.slice(end + 1));
  return {
    outer: `${text.slice(0, start)}substituted${rest.outer}`,
    inner: [text.slice(start + 2, end), ...rest.inner],
  };
}

function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

/** The code with which the command line would be refused before it does anything. */
function refusalOf(words: readonly string[]): string | undefined {
  const nothing = (): void => undefined;
  const program = createProgram({
    terminal: {
      out: nothing,
      err: nothing,
      readStdin: async () => '',
      env: {},
      workingFolder: root,
      homeFolder: root,
      isTerminal: false,
      errorIsTerminal: false,
      nowMs: () => 0,
      onInterrupt: () => nothing,
    },
    version: '0.0.0',
    entryUrl: import.meta.url,
    exitCode: 0,
  });
  withoutEffect(program);
  try {
    program.parse(words, { from: 'user' });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    return thrown.code === 'commander.helpDisplayed' || thrown.code === 'commander.version'
      ? undefined
      : thrown.code;
  }
}

function withoutEffect(command: Command): void {
  if (command.commands.length === 0) command.action(() => undefined);
  for (const sub of command.commands) withoutEffect(sub);
}

/** Anchors as GitHub makes them. */
function headingsOf(page: string): readonly string[] {
  if (!page.endsWith('.md')) return [];
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map((m) =>
    (m[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}
