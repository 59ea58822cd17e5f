/** PFADD and PFMERGE: what raises registers. Hot path: PFADD of elements that raise none allocates nothing. */

import type { CommandContext } from '../../core/context.ts';
import type { Ref } from '../../memory/arena.ts';
import { CORRUPT, RAISED } from '../../structures/hyperloglog/editor.ts';
import { HEADER_BYTES, isDense, REGISTERS } from '../../structures/hyperloglog/layout.ts';
import * as tool from './hyperloglog-tools.ts';
import { segmentBytes } from '../string/string-value.ts';

/** PFADD key [element …]. Where a value turns out to be corrupt nothing is changed: upstream keeps the elements before, and tells no replica. */
export function pfadd(context: CommandContext, tools: tool.HyperLogLogTools): void {
  const { bytes, db, reply } = context;
  const { editor, element } = tools;
  const entry = db.findForWrite(bytes, context.argStart(1), context.argEnd(1));
  if (entry !== 0 && !tool.isHyperLogLogOrReply(context, db, entry)) return;
  tool.edit(db, entry, editor);
  const most = tool.maxSparseBytes(context);
  let changes = entry === 0 ? 1 : 0;
  for (let index = 2; index < context.argc; index++) {
    element.hash(bytes, context.argStart(index), context.argEnd(index));
    const raised = editor.raise(element.index, element.value, most);
    if (raised === CORRUPT) return reply.error(tool.CORRUPTED);
    if (raised === RAISED) changes++;
  }
  if (changes > 0) {
    finish(context, tools);
    context.changed(changes);
  }
  reply.integer(changes > 0 ? 1 : 0);
}

/** PFMERGE destination [source …]: the destination is a source too. It becomes dense when any of them is. */
export function pfmerge(context: CommandContext, tools: tool.HyperLogLogTools): void {
  const { bytes, db, reply } = context;
  const { editor, row } = tools;
  row.clear();
  let dense = false;
  for (let index = 1; index < context.argc; index++) {
    const source = db.find(bytes, context.argStart(index), context.argEnd(index));
    if (source === 0) continue;
    if (!addToRow(context, source, tools)) return;
    dense ||= isDense(segmentBytes(db, source), db.stringStart(source));
  }
  tool.edit(db, db.findForWrite(bytes, context.argStart(1), context.argEnd(1)), editor);
  if (dense) editor.replaceWithDense(row);
  else {
    const most = tool.maxSparseBytes(context);
    for (let index = 0; index < REGISTERS; index++) {
      const value = row.get(index);
      if (value > 0) editor.raise(index, value, most);
    }
  }
  finish(context, tools);
  context.changed(1);
  reply.ok();
}

/** Raises the registers of the row to those of a value. Replies with an error and says false when it is none, or corrupt. */
export function addToRow(context: CommandContext, entry: Ref, { row }: tool.HyperLogLogTools): boolean {
  const { db } = context;
  if (!tool.isHyperLogLogOrReply(context, db, entry)) return false;
  const bytes = segmentBytes(db, entry);
  const start = db.stringStart(entry);
  if (isDense(bytes, start)) row.raiseToDense(bytes, start + HEADER_BYTES);
  else if (!row.raiseToSparse(bytes, start + HEADER_BYTES, start + db.stringLength(entry))) {
    context.reply.error(tool.CORRUPTED);
    return false;
  }
  return true;
}

function finish(context: CommandContext, { editor }: tool.HyperLogLogTools): void {
  editor.forgetCardinality();
  tool.store(context, 1, editor);
  context.keyChanged(1, '$', 'pfadd');
}
