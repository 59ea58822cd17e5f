/** What a user says about load: `spec.rebalancing` and `spec.autoscaling`, and what the status tells of both. docs/rebalancing.md says how they work. */
import { z } from 'zod';
import type { CelRule } from './cel-rule.ts';
import { quantity } from './quantity.ts';

export const rebalancingSpecSchema = z
  .strictObject({
    mode: z
      .enum(['Off', 'Observe', 'Auto'])
      .default('Observe')
      .describe(
        'Auto: slots move from busy shards to idle ones. Observe: the status says what would be done, and nothing moves. Off: nothing is said either; quote it, YAML reads a bare Off as a boolean.',
      ),
    thresholdPercent: z
      .int()
      .min(5)
      .max(100)
      .default(10)
      .describe('Slots move when a shard has so much more load than its part, for 30 s; they stop within half of it.'),
    maxConcurrentMoves: z
      .int()
      .min(1)
      .max(50)
      .optional()
      .describe('Migrations at a time. Left out, it is one for ten shards, and four at least.'),
    maxSlotsPerMove: z.int().min(1).max(16384).default(512).describe('Slots of one migration at most.'),
    maxBytesPerMove: quantity.default('1Gi').describe('Data of one migration at most, such as "1Gi". A slot that is larger goes alone.'),
  })
  .prefault({})
  .describe('Moves of slots by load: hot slots go to shards that have room.');

const policies = z
  .array(
    z.strictObject({
      type: z.enum(['Shards', 'Percent']),
      value: z.int().min(1).max(1000).describe('Shards, or percent of the shards that there were when the period began.'),
      periodSeconds: z.int().min(1).max(1800),
    }),
  )
  .max(8);

const scaleRules = (windowSeconds: number, preset: z.input<typeof policies>) =>
  z
    .strictObject({
      stabilizationWindowSeconds: z
        .int()
        .min(0)
        .max(3600)
        .default(windowSeconds)
        .describe('For how long the load has to call for a change in this direction. The most cautious wish of this time counts.'),
      selectPolicy: z
        .enum(['Max', 'Min', 'Disabled'])
        .default('Max')
        .describe('Which policy counts: the one that allows most, or least. Disabled: no change in this direction.'),
      policies: policies.default(preset).describe('How much may change within a period. An empty list sets no limit.'),
    })
    .prefault({});

export const autoscalingSpecSchema = z
  .strictObject({
    minShards: z.int().min(1).max(500).describe('The fewest shards.'),
    maxShards: z.int().min(1).max(500).describe('The most shards.'),
    targets: z
      .strictObject({
        cpuPercent: z
          .int()
          .min(1)
          .max(100)
          .optional()
          .describe('Share of its CPU that a shard should use: of one core, or of resources.limits.cpu where that is less.'),
        memoryPercent: z.int().min(1).max(100).optional().describe('Share of its maxmemory that a shard should use.'),
      })
      .describe('What shards should use when the load is spread over them. The one that calls for most shards counts.'),
    maxShardUtilizationPercent: z
      .int()
      .min(1)
      .max(100)
      .default(90)
      .describe('A single shard above it calls for one more, where moving slots does not help.'),
    behavior: z
      .strictObject({
        scaleUp: scaleRules(30, [
          { type: 'Percent', value: 100, periodSeconds: 60 },
          { type: 'Shards', value: 2, periodSeconds: 60 },
        ]).describe('How shards are added.'),
        scaleDown: scaleRules(300, [{ type: 'Shards', value: 1, periodSeconds: 60 }]).describe('How shards are taken away.'),
      })
      .prefault({})
      .describe('How fast the number of shards changes, in the terms of HorizontalPodAutoscaler.'),
  })
  .describe(
    'The number of shards follows the load. spec.shards is where it starts; the number that is wanted now stands in status.autoscaling.targetShards.',
  );

export type RebalancingSpec = z.infer<typeof rebalancingSpecSchema>;
export type AutoscalingSpec = z.infer<typeof autoscalingSpecSchema>;

export const TARGETS_MESSAGE = 'autoscaling.targets needs cpuPercent or memoryPercent';
export const BOUNDS_MESSAGE = 'autoscaling.minShards must not be more than autoscaling.maxShards';
export const SHARDS_FOLLOW_LOAD_MESSAGE =
  'shards cannot be changed while autoscaling is set: change autoscaling.minShards or autoscaling.maxShards, or remove autoscaling in the same change';

export const LOAD_CEL_RULES: readonly CelRule[] = [
  {
    path: 'spec',
    rule: '!has(self.autoscaling) || !has(oldSelf.autoscaling) || self.shards == oldSelf.shards',
    message: SHARDS_FOLLOW_LOAD_MESSAGE,
  },
  { path: 'spec.autoscaling', rule: 'self.minShards <= self.maxShards', message: BOUNDS_MESSAGE },
  { path: 'spec.autoscaling.targets', rule: 'has(self.cpuPercent) || has(self.memoryPercent)', message: TARGETS_MESSAGE },
];

export const rebalancingStatusSchema = z
  .strictObject({
    reason: z.string().describe('What was decided last, such as Balanced, Imbalanced or SingleHotSlot.'),
    maxOverMean: z
      .string()
      .optional()
      .describe('Load of the busiest shard over the mean, in steps of 0.05, such as "1.45". Absent while no shard is busy.'),
    hotSlot: z.strictObject({ slot: z.int(), shard: z.int() }).optional().describe('A slot that is more than a shard should carry, alone.'),
  })
  .describe('What rebalancing makes of the load.');

export const autoscalingStatusSchema = z
  .strictObject({
    targetShards: z.int().describe('Shards that there should be. The cluster follows it as it follows spec.shards without autoscaling.'),
    wantedShards: z.int().describe('Shards that the load calls for, before windows, policies and bounds.'),
    reason: z.string().describe('What was decided last, such as WithinTolerance, AboveTarget or AtMaximum.'),
  })
  .describe('What autoscaling makes of the load.');

export const shardLoadStatusSchema = z
  .strictObject({
    cpuPercent: z.int().describe('Of its CPU, in steps of five.'),
    memoryPercent: z.int().optional().describe('Of its maxmemory, in steps of five. Absent without one.'),
    networkBytesPerSecond: z.int().optional().describe('In and out, of commands, to two figures. Absent while there is little.'),
  })
  .describe('Load of the primary, written once a minute at most.');
