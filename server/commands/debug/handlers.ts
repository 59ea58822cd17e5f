/** DEBUG: commands for tests. Guarded by `enable-debug-command`. What upstream prints about its C structures is not here. */

import { parseBytes } from '../../../lib/byte-size.ts';
import type { CommandContext } from '../../core/context.ts';
import { unknownSubcommandOrArity } from '../../protocol/reply-errors.ts';
import { debugCluster } from '../cluster/debug.ts';
import { replyHelp } from '../help.ts';
import type { CommandHandlers } from '../table.ts';
import { datasetDigest, valueDigest } from './digest.ts';
import { debugObject, debugSdslen } from './object.ts';
import { populate } from './populate.ts';
import { debugProtocol } from './protocol-types.ts';
import { reload } from './reload.ts';

type Subcommand = (context: CommandContext) => void;

/** [least, most] number of arguments with DEBUG and the subcommand. */
interface Entry {
  readonly arity: readonly [least: number, most: number];
  readonly run: Subcommand;
}

const ANY = Number.MAX_SAFE_INTEGER;

const SUBCOMMANDS: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['HELP', { arity: [2, 2], run: help }],
  ['SLEEP', { arity: [3, 3], run: sleep }],
  ['LOG', { arity: [3, 3], run: log }],
  ['ERROR', { arity: [3, 3], run: context => context.reply.rawString(`-${context.argString(2).replace(/[\r\n]/g, ' ')}\r\n`) }],
  ['OBJECT', { arity: [3, 4], run: debugObject }],
  ['SDSLEN', { arity: [3, 3], run: debugSdslen }],
  ['POPULATE', { arity: [3, 5], run: populate }],
  ['PROTOCOL', { arity: [3, 3], run: debugProtocol }],
  ['RELOAD', { arity: [2, ANY], run: reload }],
  ['DIGEST', { arity: [2, 2], run: context => context.reply.simple(datasetDigest(context.ports.databases, context.ports.values)) }],
  ['DIGEST-VALUE', { arity: [2, ANY], run: digestValue }],
  ['SET-ACTIVE-EXPIRE', { arity: [3, 3], run: setSwitch((context, on) => (context.ports.debug.activeExpire = on)) }],
  ['PAUSE-CRON', { arity: [3, 3], run: setSwitch((context, on) => (context.ports.debug.cronPaused = on)) }],
  ['PAUSE-AFTER-FORK', { arity: [3, 3], run: setSwitch((context, on) => (context.ports.debug.pauseAfterSnapshot = on)) }],
  ['DELAY-RDB-CLIENT-FREE-SECONDS', { arity: [3, 3], run: delayFree }],
  ['QUICKLIST-PACKED-THRESHOLD', { arity: [3, 3], run: packedThreshold }],
  ['CHANGE-REPL-ID', { arity: [2, 2], run: changeReplicationId }],
  ['REPLICATE', { arity: [3, ANY], run: replicate }],
  ['SEGFAULT', { arity: [2, 2], run: context => context.ports.debug.crash('segfault', 'DEBUG SEGFAULT') }],
  ['OOM', { arity: [2, 2], run: context => context.ports.debug.crash('abort', 'DEBUG OOM') }],
  ['ASSERT', { arity: [2, 2], run: context => context.ports.debug.crash('panic', '=== ASSERTION FAILED ===') }],
  ['PANIC', { arity: [2, 2], run: context => context.ports.debug.crash('panic', `DEBUG PANIC called at ${context.now}`) }],
  ['LEAK', { arity: [3, 3], run: ok }],
  // Upstream tunes parts with these that this server does not have: nothing to turn, but scripts may send them.
  ['REPLYBUFFER', { arity: [4, 4], run: ok }],
  ['DICT-RESIZING', { arity: [3, 3], run: ok }],
  ['HASHTABLE-CAN-ABORT-SHRINK', { arity: [3, 3], run: ok }],
  ['CLIENT-ENFORCE-REPLY-LIST', { arity: [3, 3], run: ok }],
  ['SET-SKIP-CHECKSUM-VALIDATION', { arity: [3, 3], run: ok }],
]);

function debug(context: CommandContext): void {
  const word = context.argString(1).toUpperCase();
  const entry = SUBCOMMANDS.get(word);
  if (entry !== undefined && context.argc >= entry.arity[0] && context.argc <= entry.arity[1]) return entry.run(context);
  if (entry !== undefined || !debugCluster(context)) context.reply.error(unknownSubcommandOrArity('debug', context.argString(1)));
}

function ok(context: CommandContext): void {
  context.reply.ok();
}

function sleep(context: CommandContext): void {
  const seconds = Number.parseFloat(context.argString(2));
  context.ports.debug.sleep(Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0);
  context.reply.ok();
}

function log(context: CommandContext): void {
  context.ports.log.warning(`DEBUG LOG: ${context.argString(2)}`);
  context.reply.ok();
}

function setSwitch(turn: (context: CommandContext, on: boolean) => void): Subcommand {
  return context => {
    turn(context, (Number.parseInt(context.argString(2), 10) || 0) !== 0);
    context.reply.ok();
  };
}

function delayFree(context: CommandContext): void {
  context.ports.debug.rdbClientGraceSeconds = Number.parseInt(context.argString(2), 10) || 0;
  context.reply.ok();
}

function packedThreshold(context: CommandContext): void {
  const bytes = parseBytes(context.argString(2));
  if (bytes === undefined || bytes > (1n << 32n) - (1n << 20n)) {
    return context.reply.error('ERR argument must be a memory value bigger than 1 and smaller than 4gb');
  }
  context.ports.debug.setPackedThreshold(Number(bytes));
  context.reply.ok();
}

function digestValue(context: CommandContext): void {
  const { db, ports, reply } = context;
  reply.array(context.argc - 2);
  for (let index = 2; index < context.argc; index++) {
    const entry = db.peekStale(context.bytes, context.argStart(index), context.argEnd(index));
    reply.simple(valueDigest(db, entry, ports.values));
  }
}

function changeReplicationId(context: CommandContext): void {
  context.ports.log.notice('Changing replication IDs after receiving change-repl-id');
  context.ports.replication.changeId();
  context.reply.ok();
}

function replicate(context: CommandContext): void {
  const args: Uint8Array[] = [];
  for (let index = 2; index < context.argc; index++) args.push(context.argCopy(index));
  context.ports.propagation.propagate(-1, args);
  context.reply.ok();
}

function help(context: CommandContext): void {
  replyHelp(context, [
    ['ASSERT | PANIC | SEGFAULT | OOM', 'End the server as a bug of this kind would.'],
    ['CHANGE-REPL-ID', 'Give the replication stream a new id, so that replicas need a full sync.'],
    ['DELAY-RDB-CLIENT-FREE-SECONDS <seconds>', 'How long a dual-channel sync waits for the main channel after the snapshot.'],
    ['DIGEST', 'Give one hash of the content of all databases.'],
    ['DIGEST-VALUE <key> [<key> ...]', 'Give a hash of the value of each key.'],
    ['ERROR <string>', 'Answer with this error.'],
    ['LOG <message>', 'Write <message> to the log.'],
    ['OBJECT <key> [fast]', 'Tell how the value of <key> is stored.'],
    [
      'PAUSE-AFTER-FORK <0|1>',
      'Stop the process in a full sync: a primary with the snapshot sent, a replica before it asks for the stream.',
    ],
    ['PAUSE-CRON <0|1>', 'Stop or resume periodic work.'],
    ['POPULATE <count> [<prefix>] [<size>]', 'Make <count> strings named key:<n>, or with another prefix. Replicas are not told.'],
    ['PROTOCOL <type>', 'Answer with a value of a reply type.'],
    ['QUICKLIST-PACKED-THRESHOLD <size>', 'List elements of this many bytes stand alone; 0 is the default.'],
    ['RELOAD [MERGE] [NOFLUSH] [NOSAVE]', 'Save all data to the RDB file and load it back.'],
    ['REPLICATE <arg> ...', 'Send a command to the replicas only.'],
    ['SDSLEN <key>', 'Give the lengths of a key and its string.'],
    ['SET-ACTIVE-EXPIRE <0|1>', 'Expired keys are deleted in the background, or only when they are used.'],
    ['SLEEP <seconds>', 'Stop the whole server for a while.'],
  ]);
}

export const DEBUG_HANDLERS: CommandHandlers = { debug };
