/** PFCOUNT. Of one key the cardinality is cached in the value: a change of it, though the command reads. */

import type { CommandContext } from '../../core/context.ts';
import { ENC_RAW } from '../../keyspace/database.ts';
import { countDense } from '../../structures/hyperloglog/dense.ts';
import { estimate } from '../../structures/hyperloglog/estimate.ts';
import { cacheCardinality, cachedCardinality, HEADER_BYTES, isDense } from '../../structures/hyperloglog/layout.ts';
import { countSparse, type SparseRuns } from '../../structures/hyperloglog/sparse-runs.ts';
import { addToRow } from './add.ts';
import * as tool from './hyperloglog-tools.ts';
import { segmentBytes } from '../string/string-value.ts';

/** PFCOUNT key [key …] */
export function pfcount(context: CommandContext, tools: tool.HyperLogLogTools): void {
  if (context.argc > 2) countUnion(context, tools);
  else countOne(context, tools);
}

function countUnion(context: CommandContext, tools: tool.HyperLogLogTools): void {
  const { bytes, db } = context;
  const { histogram, row } = tools;
  row.clear();
  for (let index = 1; index < context.argc; index++) {
    const entry = db.find(bytes, context.argStart(index), context.argEnd(index));
    if (entry !== 0 && !addToRow(context, entry, tools)) return;
  }
  histogram.fill(0);
  row.count(histogram);
  replyCardinality(context, estimate(histogram));
}

function countOne(context: CommandContext, tools: tool.HyperLogLogTools): void {
  const { db, reply } = context;
  let entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return reply.integer(0);
  if (!tool.isHyperLogLogOrReply(context, db, entry)) return;
  const known = cachedCardinality(segmentBytes(db, entry), db.stringStart(entry));
  if (known === -1 || db.encoding(entry) !== ENC_RAW) entry = tool.asRaw(db, entry);
  if (known !== -1) return reply.integer(known);
  const bytes = segmentBytes(db, entry);
  const start = db.stringStart(entry);
  if (!countRegisters(tools.histogram, tools.runs, bytes, start, db.stringLength(entry))) return reply.error(tool.CORRUPTED);
  const cardinality = estimate(tools.histogram);
  cacheCardinality(bytes, start, cardinality);
  context.keyTouched(1);
  context.changed(1);
  replyCardinality(context, cardinality);
}

/** Counts the registers of a value anew; false when it is corrupt. */
export function countRegisters(histogram: Int32Array, runs: SparseRuns, bytes: Uint8Array, start: number, length: number): boolean {
  histogram.fill(0);
  if (!isDense(bytes, start)) return countSparse(runs, bytes, start + HEADER_BYTES, start + length, histogram);
  countDense(bytes, start + HEADER_BYTES, histogram);
  return true;
}

function replyCardinality(context: CommandContext, cardinality: number): void {
  context.reply.integer(Number.isSafeInteger(cardinality) ? cardinality : BigInt(cardinality));
}
