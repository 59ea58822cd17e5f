/** READONLY, READWRITE and ASKING: how a client wants its next requests routed. */

import type { CommandContext } from '../../core/context.ts';
import { NOT_CLUSTER } from '../../protocol/reply-errors.ts';

/** Reads may be served by this replica. */
export function readonlyMode(context: CommandContext): void {
  context.session.readonlyMode = true;
  context.reply.ok();
}

export function readwriteMode(context: CommandContext): void {
  context.session.readonlyMode = false;
  context.reply.ok();
}

/** The next request may be about a slot that is being imported (it follows an ASK redirection). */
export function asking(context: CommandContext): void {
  if (context.ports.cluster === undefined) return context.reply.error(NOT_CLUSTER);
  context.session.asking = true;
  context.reply.ok();
}
