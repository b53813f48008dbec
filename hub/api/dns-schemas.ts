import { z } from 'zod';
import type { DomainName } from '../../src/dns/name.ts';
import type { ErrorCode } from '../../src/errors/table.ts';
import type { CompileReport } from '../../src/plan/compile-report.ts';
import type { HeldName } from '../../src/plan/zone-plan.ts';
import { domainName } from '../../src/resources/fields.ts';
import { objectName } from '../../src/resources/metadata.ts';
import type {
  AdoptPreview,
  ProviderCheck,
  ProviderZoneContent,
  ProviderZoneState,
  ProviderZoneSummary,
  RecordChangeLine,
  RecordPlan,
} from './dns-services.ts';

/** What crosses the API about DNS providers. Annotated with the types that it must not drift from. */
export type OnWire<T> = T extends DomainName | ErrorCode
  ? string
  : T extends readonly (infer I)[]
    ? readonly OnWire<I>[]
    : T extends object
      ? { readonly [K in keyof T]: OnWire<T[K]> }
      : T;

const text = z.string();
const strings = z.array(text);
const maybe = text.exactOptional();
const named = <S extends z.ZodType>(id: string, schema: S): S => schema.meta({ id });
/** A list under `items`, so that fields can be added beside it. */
const items = <S extends z.ZodType>(id: string, schema: S) => named(id, z.object({ items: z.array(schema) }));

export const compileReport: z.ZodType<OnWire<CompileReport>> = named(
  'CompileReport',
  z.object({
    hostname: text,
    provider: text,
    zone: text,
    outcome: z.enum(['native', 'computed', 'delegated', 'refused']),
    features: z.array(
      z.object({
        feature: z.enum([
          'geo',
          'subnets',
          'weights',
          'failover',
          'residency',
          'sticky',
          'dynamicTtl',
          'panic',
          'capacityFloor',
          'drainRamp',
          'nearest',
          'maxAnswers',
          'mixedTypes',
        ]),
        handling: z.enum(['native', 'computed', 'lost', 'refused']),
        detail: text,
        fix: maybe,
      }),
    ),
    refusal: z.object({ message: text, fix: text }).exactOptional(),
    hubDown: text,
  }),
);
export const compileReports = items('CompileReports', compileReport);

const recordChange: z.ZodType<OnWire<RecordChangeLine>> = named(
  'RecordChange',
  z.object({
    change: z.enum(['create', 'update', 'delete']),
    name: text,
    type: text,
    setId: text,
    before: maybe,
    after: maybe,
    details: strings.exactOptional(),
  }),
);

const heldName: z.ZodType<OnWire<HeldName>> = named(
  'HeldName',
  z.object({ name: text, code: text, message: text, fix: text }),
);

export const recordPlan: z.ZodType<OnWire<RecordPlan>> = named(
  'RecordPlan',
  z.object({
    reports: z.array(compileReport),
    zones: z.array(
      z.object({
        provider: text,
        origin: text,
        changes: z.array(recordChange),
        held: z.array(heldName),
        readSecondsAgo: z
          .number()
          .exactOptional()
          .describe('Where the zone could not be read anew for this plan.'),
        unknown: maybe,
      }),
    ),
  }),
);

export const providerCheck: z.ZodType<OnWire<ProviderCheck>> = named(
  'ProviderCheck',
  z.object({
    ok: z.boolean(),
    findings: z.array(z.object({ subject: text, ok: z.boolean(), message: text, fix: maybe })),
    capabilities: z.array(
      z.object({
        about: z.enum(['safety', 'routing', 'types']),
        subject: text,
        native: z.boolean(),
        reason: text,
      }),
    ),
  }),
);

const zoneSummary: z.ZodType<OnWire<ProviderZoneSummary>> = named(
  'ProviderZone',
  z.object({
    origin: text,
    id: text,
    private: z.boolean(),
    nameServers: strings,
    configured: z.boolean(),
  }),
);
export const providerZones = items('ProviderZones', zoneSummary);

export const zoneContent: z.ZodType<OnWire<ProviderZoneContent>> = named(
  'ProviderZoneContent',
  z.object({
    origin: text,
    records: z.array(
      z.object({
        name: text,
        type: text,
        setId: text,
        ttlSeconds: z.number().exactOptional(),
        values: strings,
        native: maybe,
        owner: maybe,
      }),
    ),
  }),
);

export const zoneState: z.ZodType<OnWire<ProviderZoneState>> = named(
  'ProviderZoneState',
  z.object({
    origin: text,
    id: text,
    generation: z.number(),
    appliedAt: maybe,
    error: maybe,
    errorFix: maybe,
    plan: z.object({
      hash: text,
      changes: z.array(recordChange),
      held: z.array(heldName),
      waitsForApproval: z
        .object({ code: text, message: text, fix: text, removals: z.array(recordChange) })
        .exactOptional(),
    }),
    heldAtGeneration: z.number().exactOptional(),
    afterResume: z
      .object({ changes: z.array(recordChange), held: z.array(heldName) })
      .exactOptional()
      .describe('While a rollback holds the zone: what is due once `resume` ended that.'),
    frozen: z.boolean().describe('`spec.frozen`: plans are made and shown, nothing is written.'),
    history: z.array(z.object({ generation: z.number(), at: text, summary: text })),
    verified: z.enum(['yes', 'no', 'pending', 'off']),
    disagreements: strings,
  }),
);
export const zoneStates = items('ProviderZoneStates', zoneState);

const adoptPreview: z.ZodType<OnWire<AdoptPreview>> = named(
  'AdoptPreview',
  z.object({
    provider: text,
    zone: text,
    hostname: text,
    digest: text,
    before: strings,
    after: strings,
    owner: maybe,
    ours: z.boolean().describe('All of it is of this hub already: there is nothing to take over.'),
    adopted: z.boolean(),
  }),
);
export const adoptPreviews = items('AdoptPreviews', adoptPreview);

/* What is sent. */

export const zoneQuery = z.strictObject({ zone: domainName.describe('Apex of a zone of the provider.') });

export const approveInput = named(
  'ApproveInput',
  z.strictObject({
    zone: domainName,
    plan: z
      .string()
      .regex(/^[0-9a-f]{16}$/, 'the 16 hex digits that name the plan')
      .describe('Hash of the plan that waits.'),
  }),
);

export const rollbackInput = named(
  'RollbackInput',
  z.strictObject({ zone: domainName, generation: z.number().int().min(0) }),
);

export const resumeInput = named('ResumeInput', z.strictObject({ zone: domainName }));

export const adoptInput = named(
  'AdoptInput',
  z.strictObject({
    hostname: domainName,
    provider: objectName
      .optional()
      .describe('Name of the DNSProvider; all that hold the hostname when absent.'),
    digests: z
      .record(z.string().max(400), z.string().max(128))
      .optional()
      .describe(
        'By `provider/zone` (the name of the DNSProvider without namespace, the origin): the digest that the preview showed. Another content is not taken over, and what has no digest here is only shown.',
      ),
  }),
);
