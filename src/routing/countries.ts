import type { ContinentCode } from '../resources/fields.ts';

/**
 * One country: the continent it is counted to and a point that stands for where its people are, roughly.
 *
 * Codes are ISO 3166-1 alpha-2, and XK (Kosovo, user-assigned, but what GeoIP databases write). Continents follow the
 * GeoNames convention: each country lies on one only, so RU and CY are EU, TR, GE, AM, AZ and KZ are AS, EG is AF.
 * Whether a country is a member of the European Union is another question (see `geography.ts`).
 */
export interface Country {
  readonly code: string;
  readonly continent: ContinentCode;
  /** Degrees north. */
  readonly latitude: number;
  /** Degrees east. */
  readonly longitude: number;
}

/**
 * `code latitude longitude`, to half a degree: enough to order clusters by distance. For countries whose people live far
 * from the geometric middle (CA, RU, AU, BR, NO, …) the point leans towards them.
 */
const TABLE: Readonly<Record<ContinentCode, string>> = {
  AF: `
    AO -12.5 18.5, BF 13 -2, BI -3.5 30, BJ 9.5 2.5, BW -22 24, CD -4 22, CF 7 21, CG -1 15, CI 8 -5, CM 6 12, CV 16 -24,
    DJ 11.5 43, DZ 35 3, EG 29 31, EH 24.5 -13, ER 15 39, ET 8 38, GA -1 11.5, GH 8 -1, GM 13.5 -16.5, GN 11 -10,
    GQ 2 10, GW 12 -15, KE -0.5 38, KM -12 44, LR 6.5 -9.5, LS -29.5 28.5, LY 31 16, MA 33 -6.5, MG -20 47,
    ML 14 -6, MR 19 -13, MU -20.5 57.5, MW -13.5 34, MZ -18.5 35, NA -22 17, NE 14.5 7, NG 9 7.5, RE -21 55.5,
    RW -2 30, SC -4.5 55.5, SD 15 32, SH -16 -5.5, SL 8.5 -11.5, SN 14.5 -15.5, SO 4.5 46, SS 7 30, ST 0.5 6.5,
    SZ -26.5 31.5, TD 12 17, TG 8.5 1, TN 35.5 10, TZ -6 35, UG 1 32, YT -13 45, ZA -28 28, ZM -14 28, ZW -19 30`,
  AN: 'AQ -80 0, BV -54.5 3.5, GS -54.5 -37, HM -53 72.5, TF -49 69.5',
  AS: `
    AE 24.5 54.5, AF 34 67, AM 40 45, AZ 40.5 48.5, BD 24 90, BH 26 50.5, BN 4.5 114.5, BT 27.5 90.5, CC -12 97,
    CN 33 112, GE 42 43.5, HK 22.5 114, ID -6.5 109, IL 32 35, IN 22 79, IO -6 71.5, IQ 33 44,
    IR 34 52, JO 31.5 36, JP 35.5 138, KG 41.5 74.5, KH 12.5 105, KP 40 127, KR 37 127.5, KW 29.5 48, KZ 48 71,
    LA 18 104, LB 34 36, LK 7 81, MM 21 96, MN 47.5 106, MO 22 113.5, MV 3.5 73, MY 3.5 102, NP 28 84, OM 22.5 58,
    PH 13 122, PK 31 71.5, PS 32 35, QA 25.5 51.5, SA 24 45, SG 1.5 104, SY 35 38, TH 15 101, TJ 38.5 69.5, TM 39 59,
    TR 39.5 33, TW 24 121, UZ 41 66, VN 16 107, YE 15 45.5`,
  EU: `
    AD 42.5 1.5, AL 41 20, AT 47.5 14, AX 60 20, BA 44 18, BE 51 4.5, BG 43 25, BY 53.5 28, CH 47 8, CY 35 33,
    CZ 50 15, DE 51 10, DK 56 10.5, EE 59 26, ES 40 -4, FI 62 25, FO 62 -7, FR 47 2.5, GB 52.5 -1.5, GG 49.5 -2.5,
    GI 36 -5.5, GR 38.5 23, HR 45.5 16, HU 47 19.5, IE 53 -7.5, IM 54 -4.5, IS 64.5 -21, IT 43 12, JE 49 -2,
    LI 47 9.5, LT 55 24, LU 49.5 6, LV 57 25, MC 43.5 7.5, MD 47 29, ME 42.5 19.5, MK 41.5 21.5, MT 36 14.5, NL 52 5.5,
    NO 61 9.5, PL 52 19.5, PT 39.5 -8.5, RO 45.5 25.5, RS 44.5 20.5, RU 55.5 44, SE 59.5 16, SI 46 15, SJ 78 16,
    SK 48.5 19, SM 44 12.5, UA 49.5 32, VA 42 12.5, XK 42.5 21`,
  NA: `
    AG 17 -62, AI 18 -63, AW 12.5 -70, BB 13 -59.5, BL 18 -63, BM 32.5 -64.5, BQ 12 -68.5, BS 25 -77.5, BZ 17 -88.5,
    CA 46 -80, CR 10 -84, CU 22 -79.5, CW 12 -69, DM 15.5 -61.5, DO 19 -70.5, GD 12 -61.5, GL 65 -51, GP 16 -61.5,
    GT 15 -90.5, HN 14.5 -87, HT 19 -72.5, JM 18 -77.5, KN 17.5 -62.5, KY 19.5 -81, LC 14 -61, MF 18 -63, MQ 14.5 -61,
    MS 16.5 -62, MX 20 -100, NI 12.5 -86, PA 9 -80, PM 47 -56.5, PR 18.5 -66.5, SV 13.5 -89, SX 18 -63, TC 21.5 -72,
    TT 10.5 -61.5, US 38 -92, VC 13 -61, VG 18.5 -64.5, VI 18.5 -65`,
  OC: `
    AS -14.5 -170.5, AU -32 147, CK -21 -160, CX -10.5 105.5, FJ -18 178, FM 7 158, GU 13.5 145, KI 1.5 173, MH 7 171, MP 15 146,
    NC -21.5 165.5, NF -29 168, NR -0.5 167, NU -19 -170, NZ -39 175, PF -17.5 -149.5, PG -6.5 146, PN -25 -130,
    PW 7.5 134.5, SB -9 160, TK -9 -172, TL -9 126, TO -21 -175, TV -8.5 179, UM 19.5 166.5, VU -16.5 168, WF -13.5 -176,
    WS -14 -172`,
  SA: `
    AR -34 -61, BO -17 -65.5, BR -18 -46, CL -33.5 -71, CO 5 -74.5, EC -1.5 -79, FK -51.5 -59, GF 4.5 -52.5, GY 6.5 -58,
    PE -11 -76.5, PY -25 -57, SR 5.5 -55.5, UY -34 -56, VE 9.5 -67`,
};

export const CONTINENTS: readonly ContinentCode[] = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'];

/** Every country by its code. */
export const COUNTRIES: ReadonlyMap<string, Country> = new Map(
  CONTINENTS.flatMap((continent) =>
    TABLE[continent].split(',').map((row): [string, Country] => {
      const [code = '', latitude, longitude] = row.trim().split(' ');
      return [code, { code, continent, latitude: Number(latitude), longitude: Number(longitude) }];
    }),
  ),
);
