/** What the HyperLogLog commands of one server keep between calls, and what they do with the strings that hold the values. */

import type { CommandContext } from '../../core/context.ts';
import { type Database, ENC_INT, ENC_RAW, KEEP_EXPIRY } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { HyperLogLogEditor } from '../../structures/hyperloglog/editor.ts';
import { ElementHash } from '../../structures/hyperloglog/element-hash.ts';
import { isHyperLogLog } from '../../structures/hyperloglog/layout.ts';
import { RegisterRow } from '../../structures/hyperloglog/register-row.ts';
import { SparseRuns } from '../../structures/hyperloglog/sparse-runs.ts';
import { isStringOrReply, segmentBytes } from '../string/string-value.ts';

export const CORRUPTED = 'INVALIDOBJ Corrupted HLL object detected';
const NOT_HYPERLOGLOG = 'WRONGTYPE Key is not a valid HyperLogLog string value.';

export interface HyperLogLogTools {
  readonly element: ElementHash;
  readonly editor: HyperLogLogEditor;
  readonly row: RegisterRow;
  readonly runs: SparseRuns;
  /** How often each register value occurs. */
  readonly histogram: Int32Array;
}

export function createHyperLogLogTools(): HyperLogLogTools {
  return {
    element: new ElementHash(),
    editor: new HyperLogLogEditor(),
    row: new RegisterRow(),
    runs: new SparseRuns(),
    histogram: new Int32Array(64),
  };
}

/** Replies with an error and says false when the entry holds anything else. Opcodes are not looked at. */
export function isHyperLogLogOrReply(context: CommandContext, db: Database, entry: Ref): boolean {
  if (!isStringOrReply(context, db, entry)) return false;
  if (db.encoding(entry) !== ENC_INT && isHyperLogLog(segmentBytes(db, entry), db.stringStart(entry), db.stringLength(entry))) return true;
  context.reply.error(NOT_HYPERLOGLOG);
  return false;
}

/** Before a value is changed in place: walks hear of it, and as in upstream its encoding is `raw` from then on. Returns the entry. */
export function asRaw(db: Database, entry: Ref): Ref {
  return db.resizeString(entry, db.stringLength(entry));
}

/** Opens the value of an entry that was found for writing, or begins a new one (0). */
export function edit(db: Database, entry: Ref, editor: HyperLogLogEditor): void {
  if (entry === 0) return editor.create();
  const raw = db.encoding(entry) === ENC_RAW ? entry : asRaw(db, entry);
  editor.open(segmentBytes(db, raw), db.stringStart(raw), db.stringLength(raw));
}

/** What was edited goes to the key in argument `index`, unless that was done in place. */
export function store(context: CommandContext, index: number, editor: HyperLogLogEditor): void {
  if (!editor.rewritten) return;
  const { db } = context;
  const entry = db.setString(context.bytes, context.argStart(index), context.argEnd(index), editor.bytes, 0, editor.length, KEEP_EXPIRY);
  if (db.encoding(entry) !== ENC_RAW) asRaw(db, entry);
}

export function maxSparseBytes(context: CommandContext): number {
  return context.ports.config.integer('hll-sparse-max-bytes');
}
