/** PFDEBUG: looks into one value. GETREG and TODENSE make it dense, and replicas do the same. */

import type { CommandContext } from '../../core/context.ts';
import type { Ref } from '../../memory/arena.ts';
import { denseRegister } from '../../structures/hyperloglog/dense.ts';
import { HEADER_BYTES, isDense, LONGEST_SPARSE, REGISTERS } from '../../structures/hyperloglog/layout.ts';
import * as tool from './hyperloglog-tools.ts';
import { segmentBytes } from '../string/string-value.ts';

/** PFDEBUG GETREG | DECODE | ENCODING | TODENSE key, PFDEBUG SIMD ON | OFF */
export function pfdebug(context: CommandContext, tools: tool.HyperLogLogTools): void {
  const { db, reply } = context;
  if (context.argIs(1, 'SIMD')) return simd(context);
  const entry = db.findForWrite(context.bytes, context.argStart(2), context.argEnd(2));
  if (entry === 0) return reply.error('ERR The specified key does not exist');
  if (!tool.isHyperLogLogOrReply(context, db, entry)) return;
  const raw = tool.asRaw(db, entry);
  const dense = isDense(segmentBytes(db, raw), db.stringStart(raw));
  if (context.argIs(1, 'GETREG')) replyRegisters(context, tools, raw);
  else if (context.argIs(1, 'DECODE')) decode(context, tools, raw, dense);
  else if (context.argIs(1, 'ENCODING')) reply.simple(dense ? 'dense' : 'sparse');
  else if (context.argIs(1, 'TODENSE')) {
    if (makeDense(context, tools, raw)) reply.integer(dense ? 0 : 1);
  } else reply.error(`ERR Unknown PFDEBUG subcommand '${context.argString(1)}'`);
}

/** There is no vector code to switch. (Upstream gives its state even after the error: a reply too many.) */
function simd(context: CommandContext): void {
  if (context.argIs(2, 'ON') || context.argIs(2, 'OFF')) context.reply.simple('disabled');
  else context.reply.error('ERR Argument must be ON or OFF');
}

/** Leaves the dense value in the editor. Replies with an error and says false when it is corrupt. */
function makeDense(context: CommandContext, { editor }: tool.HyperLogLogTools, entry: Ref): boolean {
  tool.edit(context.db, entry, editor);
  if (editor.dense) return true;
  if (!editor.makeDense()) {
    context.reply.error(tool.CORRUPTED);
    return false;
  }
  tool.store(context, 2, editor);
  context.changed(1);
  return true;
}

function replyRegisters(context: CommandContext, tools: tool.HyperLogLogTools, entry: Ref): void {
  if (!makeDense(context, tools, entry)) return;
  const { bytes, start } = tools.editor;
  context.reply.array(REGISTERS);
  for (let index = 0; index < REGISTERS; index++) context.reply.integer(denseRegister(bytes, start + HEADER_BYTES, index));
}

/** The runs as text, of a corrupt value as far as they can be told: `Z:1000 v:3,2 z:5`. */
function decode(context: CommandContext, { runs }: tool.HyperLogLogTools, entry: Ref, dense: boolean): void {
  const { db, reply } = context;
  if (dense) return reply.error('ERR HLL encoding is not sparse');
  // Upstream decodes whatever there is, be it gigabytes.
  if (db.stringLength(entry) > LONGEST_SPARSE) return reply.error(tool.CORRUPTED);
  const start = db.stringStart(entry);
  const words: string[] = [];
  runs.open(segmentBytes(db, entry), start + HEADER_BYTES, start + db.stringLength(entry));
  while (runs.next()) words.push(runs.value > 0 ? `v:${runs.value},${runs.length}` : `${runs.wide ? 'Z' : 'z'}:${runs.length}`);
  reply.bulkString(words.join(' '));
}
