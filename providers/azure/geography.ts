/**
 * Regions of Traffic Manager's Geographic routing: the whole hierarchy, each code in exactly one place.
 * https://learn.microsoft.com/azure/traffic-manager/traffic-manager-geographic-regions
 *
 * It is not ISO 3166 nor our continents: Turkey and Yemen are in `GEO-ME`, Egypt is in `GEO-AF`, Cyprus in `GEO-EU`, Oceania is `GEO-AP`,
 * Asia is `GEO-AS` and `GEO-ME` together. Western Sahara (EH) has no code. Sint Eustatius, Saba and Jan Mayen have codes of their own (XE, XS,
 * XJ), which ISO counts to BQ and SJ.
 */
const COUNTRIES: Readonly<Record<string, string>> = {
  'GEO-EU':
    'AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XJ XK',
  'GEO-ME': 'AE BH IL IQ IR JO KW LB OM PS QA SA SY TR YE',
  'GEO-NA':
    'AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX TC TT UM US VC VG VI XE XS',
  'GEO-AS':
    'AF AM AZ BD BN BT CC CN CX GE HK ID IN IO JP KG KH KP KR KZ LA LK MM MN MO MV MY NP PH PK SG TH TJ TL TM TW UZ VN',
  'GEO-AF':
    'AO BF BI BJ BV BW CD CF CG CI CM CV DJ DZ EG ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ UG YT ZA ZM ZW',
  'GEO-AN': 'AQ',
  'GEO-SA': 'AR BO BR CL CO EC FK GF GS GY PE PY SR UY VE',
  'GEO-AP': 'AS AU CK FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV VU WF WS',
};

/** States: only of these countries. (Those of the United Kingdom were in the hierarchy once, and are not any more.) */
const STATES: Readonly<Record<string, string>> = {
  AU: 'ACT NSW NT QLD SA TAS VIC WA',
  CA: 'AB BC MB NB NL NS NT NU ON PE QC SK YT',
  US: 'AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY',
};

export const WORLD = 'WORLD';

/** The grouping of each country (`DE` → `GEO-EU`). */
export const GROUPING_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(COUNTRIES).flatMap(([grouping, codes]) =>
    codes.split(' ').map((code) => [code, grouping] as const),
  ),
);

/** The country of each state (`US-CA` → `US`). */
export const COUNTRY_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(STATES).flatMap(([country, codes]) =>
    codes.split(' ').map((code) => [`${country}-${code}`, country] as const),
  ),
);

/** Every code that a profile may map. */
export const GEOGRAPHIC_CODES: ReadonlySet<string> = new Set([
  WORLD,
  ...Object.keys(COUNTRIES),
  ...GROUPING_OF.keys(),
  ...COUNTRY_OF.keys(),
]);

/** Codes that ISO counts to another country, and that go wherever that one goes. */
const PARTS: Readonly<Record<string, readonly string[]>> = { BQ: ['XE', 'XS'], SJ: ['XJ'] };

/** The codes that stand for a country or a state, without the grouping above; none where the hierarchy has none. */
export function codesOf(place: string): readonly string[] {
  return GEOGRAPHIC_CODES.has(place) ? [place, ...(PARTS[place] ?? [])] : [];
}

/** The code above: the grouping of a country, the country of a state, `WORLD` above a grouping. */
export function aboveOf(code: string): string | undefined {
  if (code === WORLD) return undefined;
  return COUNTRY_OF.get(code) ?? GROUPING_OF.get(code) ?? WORLD;
}
