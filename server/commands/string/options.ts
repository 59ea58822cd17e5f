/**
 * The options that SET, GETEX and MSETEX share: condition, expiry, GET.
 *
 * The result is one number, so that parsing allocates nothing: the low bits are flags, above them stands the argument index of the
 * option that sets the expiry (Valkey's parseExtendedCommandArgumentsOrReply).
 */

import type { CommandContext } from '../../core/context.ts';
import { invalidExpireTime, NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';

export const OPTION_NX = 1 << 0;
export const OPTION_XX = 1 << 1;
export const OPTION_IFEQ = 1 << 2;
export const OPTION_GET = 1 << 3;
export const OPTION_KEEPTTL = 1 << 4;
export const OPTION_PERSIST = 1 << 5;
export const OPTION_EX = 1 << 6;
export const OPTION_PX = 1 << 7;
export const OPTION_EXAT = 1 << 8;
export const OPTION_PXAT = 1 << 9;

const OPTION_EXPIRE = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT;
const INDEX_FACTOR = 1 << 10;

/** What `parseOptions` returns after it replied with an error. */
export const BAD_OPTIONS = -1;

/** Options each command takes. */
export const OPTIONS_OF_SET = OPTION_NX | OPTION_XX | OPTION_IFEQ | OPTION_GET | OPTION_KEEPTTL | OPTION_EXPIRE;
export const OPTIONS_OF_GETEX = OPTION_PERSIST | OPTION_EXPIRE;
export const OPTIONS_OF_MSETEX = OPTION_NX | OPTION_XX | OPTION_KEEPTTL | OPTION_EXPIRE;

/** Parses the arguments from `first` on. BAD_OPTIONS when they are wrong: the error was replied. */
export function parseOptions(context: CommandContext, first: number, allowed: number): number {
  let flags = 0;
  let expireIndex = 0;
  for (let index = first; index < context.argc; index++) {
    const option = optionAt(context, index) & allowed;
    const takesValue = (option & (OPTION_EXPIRE | OPTION_IFEQ)) !== 0;
    if (option === 0 || (flags & excludedBy(option)) !== 0 || (takesValue && index === context.argc - 1)) {
      context.reply.error(SYNTAX_ERROR);
      return BAD_OPTIONS;
    }
    flags |= option;
    if ((option & OPTION_EXPIRE) !== 0) expireIndex = index;
    if (takesValue) index++;
  }
  return flags + expireIndex * INDEX_FACTOR;
}

export function hasExpireOption(options: number): boolean {
  return (options & OPTION_EXPIRE) !== 0;
}

/** Argument index of EX, PX, EXAT or PXAT. */
export function expireOptionIndex(options: number): number {
  return Math.floor(options / INDEX_FACTOR);
}

/** Argument index of the value after IFEQ. */
export function comparisonIndex(context: CommandContext): number {
  for (let index = 3; index < context.argc; index++) {
    const option = optionAt(context, index);
    if (option === OPTION_IFEQ) return index + 1;
    if ((option & OPTION_EXPIRE) !== 0) index++;
  }
  return 0;
}

function optionAt(context: CommandContext, index: number): number {
  switch (context.argLength(index)) {
    case 2:
      if (context.argIs(index, 'EX')) return OPTION_EX;
      if (context.argIs(index, 'PX')) return OPTION_PX;
      if (context.argIs(index, 'NX')) return OPTION_NX;
      return context.argIs(index, 'XX') ? OPTION_XX : 0;
    case 3:
      return context.argIs(index, 'GET') ? OPTION_GET : 0;
    case 4:
      if (context.argIs(index, 'PXAT')) return OPTION_PXAT;
      if (context.argIs(index, 'EXAT')) return OPTION_EXAT;
      return context.argIs(index, 'IFEQ') ? OPTION_IFEQ : 0;
    case 7:
      if (context.argIs(index, 'KEEPTTL')) return OPTION_KEEPTTL;
      return context.argIs(index, 'PERSIST') ? OPTION_PERSIST : 0;
    default:
      return 0;
  }
}

/** Options that may not stand before `option`; most may be repeated. */
function excludedBy(option: number): number {
  switch (option) {
    case OPTION_NX:
      return OPTION_XX | OPTION_IFEQ;
    case OPTION_XX:
      return OPTION_NX | OPTION_IFEQ;
    case OPTION_IFEQ:
      return OPTION_NX | OPTION_XX | OPTION_IFEQ;
    case OPTION_GET:
      return 0;
    case OPTION_KEEPTTL:
      return OPTION_PERSIST | OPTION_EXPIRE;
    case OPTION_PERSIST:
      return OPTION_KEEPTTL | OPTION_EXPIRE;
    default:
      return OPTION_KEEPTTL | OPTION_PERSIST | (OPTION_EXPIRE & ~option);
  }
}

/** What `readExpiry` returns after it replied with an error. */
export const BAD_EXPIRY = -1;

const MAX_MILLISECONDS = 2n ** 63n - 1n;

/**
 * The expiry that argument `index` gives, in unix milliseconds: `seconds` tells the unit, `relative` that it counts from now.
 * BAD_EXPIRY when it is none or not positive: the error was replied. Times beyond 2^53 ms are cut to it.
 */
export function readExpiry(context: CommandContext, index: number, seconds: boolean, relative: boolean): number {
  const given = context.argInteger(index);
  const exact = given === undefined ? context.argBigInt(index) : undefined;
  if (given === undefined && exact === undefined) {
    context.reply.error(NOT_INTEGER_ERROR);
    return BAD_EXPIRY;
  }
  if (given !== undefined && given > 0 && given < 1e12) return (seconds ? given * 1000 : given) + (relative ? context.now : 0);
  const total = (exact ?? BigInt(given as number)) * (seconds ? 1000n : 1n) + (relative ? BigInt(context.now) : 0n);
  if ((exact ?? given ?? 0) <= 0 || total > MAX_MILLISECONDS) {
    context.reply.error(invalidExpireTime(context.command.fullName));
    return BAD_EXPIRY;
  }
  return Math.min(Number(total), Number.MAX_SAFE_INTEGER);
}

/** The expiry of an option found by `parseOptions`; BAD_EXPIRY as `readExpiry`. */
export function readOptionExpiry(context: CommandContext, options: number): number {
  const seconds = (options & (OPTION_EX | OPTION_EXAT)) !== 0;
  const relative = (options & (OPTION_EX | OPTION_PX)) !== 0;
  return readExpiry(context, expireOptionIndex(options) + 1, seconds, relative);
}
