import type { Target } from '../../src/health/types.ts';
import type { PlacedMember, PlacedTier, TypePlacement } from '../../src/plan/placement.ts';
import { type CoverEntry, coverPlaces } from '../../src/plan/places.ts';
import { scaleWeights } from '../../src/plan/weights.ts';

/* Text of LUA records (https://doc.powerdns.com/authoritative/lua-records/). */

/** Why something cannot be said in a LUA record: one sentence. */
export class NotInLua extends Error {
  override readonly name = 'NotInLua';
}

/**
 * Only these characters are ever put between quotes: none of them ends a Lua string or the record's own, and none is an escape in either. So no
 * name, address or path can become code.
 */
const HARMLESS = /^[A-Za-z0-9._:/~?&=%+,*-]*$/;

function text(value: string): string {
  if (!HARMLESS.test(value))
    throw new NotInLua(`${JSON.stringify(value)} has characters that are not put into code.`);
  return `'${value}'`;
}

function list(values: readonly string[]): string {
  return `{${values.map(text).join(',')}}`;
}

export interface LuaOptions {
  /** Members are asked for by health checks of PowerDNS, tier after tier. */
  readonly checked: boolean;
  /** A client network keeps its member. */
  readonly sticky: boolean;
  /** Subdivisions in the groups of any type at the name. */
  readonly subdivisions: readonly string[];
}

/**
 * The content of a LUA record that answers queries of the type as the placement says: `A ";if country({'DE'}) then return … end …"`.
 * @throws NotInLua
 */
export function luaContent({ type, groups }: TypePlacement, options: LuaOptions): string {
  if (options.checked && type === 'CNAME')
    throw new NotInLua('PowerDNS checks addresses, not the names that a CNAME leads to.');
  const answers = new Map(
    groups.map(({ id, tiers }) => [
      id,
      options.checked ? checkedAnswer(tiers, options) : `return ${answer(tiers[0]?.members ?? [], options)}`,
    ]),
  );
  const answerOf = (id: string | undefined): string =>
    id === undefined ? NOTHING : (answers.get(id) ?? NOTHING);
  // Countries are named one by one: which continent one is counted to depends on the database that PowerDNS was given.
  const { entries, fallback } = coverPlaces(groups, {
    continentOf: () => undefined,
    hasSubdivision: () => true,
    listed: options.subdivisions,
  });
  const branches = (
    kind: CoverEntry['kind'],
    condition: (codes: readonly string[]) => string,
  ): readonly string[] =>
    [
      ...Map.groupBy(
        entries.filter((entry) => entry.kind === kind),
        ({ group }) => group,
      ),
    ].map(([group, of]) => `if ${condition(of.map(({ code }) => code))} then ${answerOf(group)} end`);
  // A country stands for the rest of it besides its subdivisions, so these are asked for first. Who is not located gets the last answer.
  const statements = [
    ...branches('subdivision', inSubdivisions),
    ...branches('country', (codes) => `country(${list(codes)})`),
    answerOf(fallback),
  ];
  return `${type} ";${options.checked ? `${CHECKED} ` : ''}${statements.join(' ')}"`;
}

const NOTHING = 'return {}';

/** `US-CA`: a region counts within its country only. */
function inSubdivisions(subdivisions: readonly string[]): string {
  const byCountry = Map.groupBy(subdivisions, (place) => place.slice(0, 2));
  return [...byCountry]
    .map(
      ([country, places]) =>
        `(country(${text(country)}) and region(${list(places.map((place) => place.slice(3)))}))`,
    )
    .join(' or ');
}

/** An expression for the records of one member, drawn by weight. */
function answer(members: readonly PlacedMember[], { sticky }: Pick<LuaOptions, 'sticky'>): string {
  const positive = members.filter(({ weight }) => weight > 0);
  const drawn = positive.length > 0 ? positive : members;
  const [only, another] = drawn;
  if (only === undefined) return '{}';
  if (another === undefined) return list(only.values);
  const pick = sticky ? 'pickwhashed' : 'pickwrandom';
  const weights = scaledWeights(drawn).map((weight, i) => `{${Math.max(1, weight)},${text(ordinal(i))}}`);
  // These functions draw among addresses only: each member has one of its own, which is a key and never an answer.
  const answers = drawn.map(({ values }, i) => `[${text(ordinal(i))}]=${list(values)}`);
  return `({${answers.join(',')}})[${pick}({${weights.join(',')}})]`;
}

/** The functions that draw take whole numbers. */
const MAX_WEIGHT = 10_000;

function scaledWeights(members: readonly PlacedMember[]): readonly number[] {
  return scaleWeights(
    members.map(({ weight }) => weight),
    MAX_WEIGHT,
  ).weights;
}

function ordinal(index: number): string {
  return `0.0.${index >> 8}.${index & 0xff}`;
}

/**
 * `T`, `U`: whether PowerDNS finds an address up by a TCP connection, by a URL; asking begins the check. Both functions answer with every address
 * when all are down, so each is asked for together with one that nobody can connect to: alone in the answer, it is up.
 * `A`: the addresses of a member that are up. `F`: keys of the members of a tier of which an address is up, those with a weight or those without,
 * and what each would answer. `G`: the records of one of them, those without a weight only when no other is up; nothing when none is.
 */
const CHECKED = [
  "local O={selector='all',backupSelector='all'}",
  "local function T(p,a) return #ifportup(p,{a,'255.255.255.255'},O)==1 end",
  "local function U(u,a) return #ifurlup(u,{{a,'255.255.255.255'}},O)==1 end",
  'local function A(v,C) local m={} for i,c in ipairs(C) do if c() then m[#m+1]=v[i] end end return m end',
  "local function F(k,W,c) local m,S={},{} for i,w in ipairs(W) do if k==(w>0) then local v=c(i) if #v>0 then m[#m+1]={w>0 and w or 1,'0.0.0.'..i} S[i]=v end end end return m,S end",
  'local function G(W,c,P) for _,k in ipairs({true,false}) do local m,S=F(k,W,c) if #m>0 then return S[tonumber(string.sub(P(m),7))] end end end ',
].join(' ');

/** Members of a tier of a checked record: more would make the record slow, each being asked for at every query. */
const MAX_CHECKED = 100;

function checkedAnswer(tiers: readonly PlacedTier[], { sticky }: Pick<LuaOptions, 'sticky'>): string {
  const pick = sticky ? 'pickwhashed' : 'pickwrandom';
  const calls = tiers.map(({ members }) => {
    if (members.length > MAX_CHECKED)
      throw new NotInLua(`A tier of a checked LUA record has at most ${MAX_CHECKED} members.`);
    const weights = `{${scaledWeights(members).join(',')}}`;
    const values = `{${members.map(({ values: own }) => list(own)).join(',')}}`;
    const checks = members.map(
      (member) =>
        `{${member.values.map((value, i) => `function() return ${isUp(value, member.targets[i])} end`).join(',')}}`,
    );
    return { weights, values, checks: `{${checks.join(',')}}` };
  });
  const [first] = calls;
  if (first === undefined) return 'return {}';
  const attempts = calls.map(
    ({ weights, values, checks }) =>
      `do local V,C=${values},${checks} local r=G(${weights},function(i) return A(V[i],C[i]) end,${pick}) if r then return r end end`,
  );
  return `${attempts.join(' ')} local V=${first.values} return G(${first.weights},function(i) return V[i] end,${pick})`;
}

/** Statuses that `ifurlup` takes for success: 200 alone. */
const OK_STATUS = 200;

/** An expression that is true while PowerDNS finds the address up. */
function isUp(value: string, target: Target | undefined): string {
  if (target === undefined) return 'true';
  const { check, port, defaultHost } = target;
  switch (check.protocol) {
    case 'tcp':
      return `T(${port},${text(value)})`;
    case 'http':
    case 'https': {
      if (check.method !== 'GET' || check.headers !== undefined || check.bodyContains !== undefined)
        throw new NotInLua(
          'PowerDNS checks a URL by GET, without headers of its own and without a look at the body.',
        );
      if (!check.expectedStatuses.some((range) => takes(range, OK_STATUS)))
        throw new NotInLua('PowerDNS takes status 200 alone for success, and the check does not.');
      const host = (check.host ?? defaultHost).replace(/\.$/, '');
      return `U(${text(`${check.protocol}://${host}:${port}${check.path}`)},${text(value)})`;
    }
    case 'tls':
    case 'grpc':
      throw new NotInLua(`PowerDNS has checks of TCP ports and URLs, none of ${check.protocol}.`);
  }
}

function takes(range: number | string, status: number): boolean {
  if (typeof range === 'number') return range === status;
  const [from = 0, to = 0] = range.split('-').map(Number);
  return from <= status && status <= to;
}
