import { KIND_NAMES, KINDS } from '../../src/resources/catalogue.ts';
import { type CommandNode, flatten } from '../command-tree.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

const KIND_PLURALS = KIND_NAMES.map((kind) => KINDS[kind].plural);
const FORMATS = ['json', 'yaml', 'wide', 'name'];
/** Commands whose first argument is a kind and whose next are names. */
const BY_KIND = ['get', 'describe', 'delete'];
/** Commands whose argument names an object of one kind. */
const BY_NAME: Readonly<Record<string, string>> = {
  'cluster token': 'clusters',
  'cluster drain': 'clusters',
  'cluster undrain': 'clusters',
  'cluster remove': 'clusters',
  'drill plan': 'drills',
  'drill run': 'drills',
  'drill watch': 'drills',
  'drill abort': 'drills',
  'drill report': 'drills',
  'cert try': 'certificatepolicies',
  'cert describe': 'certificates',
  'cert history': 'certificates',
  'cert renew': 'certificates',
  'cert revoke': 'certificates',
};

/** A completion script for commands, flags, kinds and names of objects. Pure. */
export function completionScript(shell: Shell, root: CommandNode): string {
  switch (shell) {
    case 'bash':
      return bash(root);
    case 'zsh':
      // zsh runs bash completions through its own emulation.
      return `#compdef portolan\nautoload -U +X bashcompinit && bashcompinit\n${bash(root)}`;
    case 'fish':
      return fish(root);
  }
}

function flagsOf(node: CommandNode, root: CommandNode): readonly string[] {
  return [...node.options, ...(node === root ? [] : root.options)]
    .flatMap((o) => [o.short, o.long])
    .filter((flag) => flag !== undefined && flag !== null)
    .concat('--help');
}

function bash(root: CommandNode): string {
  const words = flatten(root).map((node) => {
    const children = node.children.map((c) => c.command.name()).join(' ');
    return `    ${quoted(node.path)}) commands=${quoted(children)}; flags=${quoted(flagsOf(node, root).join(' '))} ;;`;
  });
  const names = Object.entries(BY_NAME).map(
    ([path, kind]) => `    ${quoted(path)}) words=$(_portolan_names ${kind}) ;;`,
  );
  const paths = flatten(root)
    .filter((n) => n.path !== '')
    .map((n) => quoted(n.path))
    .join('|');
  return `# portolan completion; load it with: source <(portolan completion bash)
_portolan_names() {
  case "$1" in
    certificates) portolan cert list -o name -q 2>/dev/null ;;
    *) portolan get "$1" -o name -q 2>/dev/null ;;
  esac | sed 's|^[^/]*/||'
}
_portolan() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" commands="" flags="" words="" arguments=0 kind="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) continue ;; esac
    case "\${path:+$path }$word" in
      ${paths}) path="\${path:+$path }$word" ;;
      *) arguments=$((arguments + 1)); [ "$arguments" = 1 ] && kind="$word" ;;
    esac
  done
  case "$path" in
${words.join('\n')}
  esac
  case "$previous" in
    -o|--output) COMPREPLY=($(compgen -W ${quoted(FORMATS.join(' '))} -- "$current")); return ;;
    -f|--filename|--config|--token-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --data-dir|--dir) COMPREPLY=($(compgen -d -- "$current")); return ;;
    --action) COMPREPLY=($(compgen -W 'fail drain' -- "$current")); return ;;
    --role) COMPREPLY=($(compgen -W 'viewer operator admin' -- "$current")); return ;;
    --cluster) COMPREPLY=($(compgen -W "$(_portolan_names clusters)" -- "$current")); return ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")); return ;;
  esac
  case "$path" in
    ${BY_KIND.join('|')})
      if [ "$arguments" = 0 ]; then words=${quoted(KIND_PLURALS.join(' '))}; else words=$(_portolan_names "$kind"); fi ;;
    completion) words='bash zsh fish' ;;
${names.join('\n')}
    *) words="$commands" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _portolan portolan
`;
}

function fish(root: CommandNode): string {
  const lines = [
    '# portolan completion; load it with: portolan completion fish | source',
    'function __portolan_names',
    '  set -l listing get $argv[1]',
    '  test "$argv[1]" = certificates; and set listing cert list',
    "  portolan $listing -o name -q 2>/dev/null | string replace -r '^[^/]*/' ''",
    'end',
    'function __portolan_at',
    '  set -l words (commandline -opc | string match -v -- "-*")',
    '  test "$words[2..-1]" = "$argv"',
    'end',
    'function __portolan_under',
    '  set -l words (commandline -opc | string match -v -- "-*")',
    '  string match -q -- "$argv*" "$words[2..-1]"',
    'end',
    'complete -c portolan -f',
  ];
  for (const node of flatten(root)) {
    const at = node.path === '' ? '__portolan_at' : `__portolan_at ${node.path}`;
    for (const child of node.children) {
      lines.push(
        `complete -c portolan -n ${quoted(at)} -a ${child.command.name()} -d ${quoted(child.command.summary())}`,
      );
    }
    const under = node.path === '' ? 'true' : `__portolan_under ${node.path}`;
    for (const option of node.options) {
      const long = option.long?.replace(/^--/, '');
      if (long === undefined) continue;
      const short = option.short === undefined ? '' : ` -s ${option.short.replace(/^-/, '')}`;
      const value = option.required || option.optional ? ' -r' : '';
      lines.push(
        `complete -c portolan -n ${quoted(under)}${short} -l ${long}${value} -d ${quoted(option.description)}`,
      );
    }
  }
  for (const command of BY_KIND) {
    lines.push(`complete -c portolan -n '__portolan_at ${command}' -a ${quoted(KIND_PLURALS.join(' '))}`);
    for (const kind of KIND_PLURALS) {
      lines.push(
        `complete -c portolan -n '__portolan_at ${command} ${kind}' -a '(__portolan_names ${kind})'`,
      );
    }
  }
  for (const [path, kind] of Object.entries(BY_NAME))
    lines.push(`complete -c portolan -n '__portolan_at ${path}' -a '(__portolan_names ${kind})'`);
  lines.push("complete -c portolan -n '__portolan_at completion' -a 'bash zsh fish'");
  return `${lines.join('\n')}\n`;
}

/** One word of a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
