/**
 * The numbers of the RDB format, version 80 (`VALKEY080`), and the error for bytes that are not of it.
 * Source: Valkey's rdb.h; the layouts stand with the readers and writers.
 */

export const RDB_VERSION = 80;
/** The newest version of the format that begins with `REDIS`: written for replicas older than 9.0. */
export const RDB_VERSION_REDIS = 11;

// ── Value types ──
export const RDB_STRING = 0;
export const RDB_LIST = 1;
export const RDB_SET = 2;
export const RDB_ZSET = 3;
export const RDB_HASH = 4;
export const RDB_ZSET_2 = 5;
export const RDB_MODULE = 6;
export const RDB_MODULE_2 = 7;
export const RDB_HASH_ZIPMAP = 9;
export const RDB_LIST_ZIPLIST = 10;
export const RDB_SET_INTSET = 11;
export const RDB_ZSET_ZIPLIST = 12;
export const RDB_HASH_ZIPLIST = 13;
export const RDB_LIST_QUICKLIST = 14;
export const RDB_STREAM_1 = 15;
export const RDB_HASH_LISTPACK = 16;
export const RDB_ZSET_LISTPACK = 17;
export const RDB_LIST_QUICKLIST_2 = 18;
export const RDB_STREAM_2 = 19;
export const RDB_SET_LISTPACK = 20;
export const RDB_STREAM_3 = 21;
export const RDB_HASH_2 = 22;

// ── Opcodes ──
export const OP_SLOT_IMPORT = 243;
export const OP_SLOT_INFO = 244;
export const OP_FUNCTION_2 = 245;
export const OP_FUNCTION_OLD = 246;
export const OP_MODULE_AUX = 247;
export const OP_IDLE = 248;
export const OP_FREQUENCY = 249;
export const OP_AUX = 250;
export const OP_RESIZEDB = 251;
export const OP_EXPIRE_MS = 252;
export const OP_EXPIRE = 253;
export const OP_SELECTDB = 254;
export const OP_EOF = 255;

// ── Node containers of quicklist 2 ──
export const CONTAINER_PLAIN = 1;
export const CONTAINER_PACKED = 2;

export type RdbErrorCode = 'malformed' | 'unsupported' | 'version' | 'checksum';

/** The bytes are no RDB, or hold what this server does not know. */
export class RdbError extends Error {
  override readonly name = 'RdbError';
  readonly code: RdbErrorCode;

  constructor(code: RdbErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function malformed(what: string): RdbError {
  return new RdbError('malformed', `Cannot read the RDB data: ${what}`);
}

/** What a value type that cannot be loaded is called; undefined for a number that is no type at all. */
export function unsupportedType(type: number): string | undefined {
  if (type === RDB_STREAM_1 || type === RDB_STREAM_2 || type === RDB_STREAM_3) return `stream (type ${type})`;
  if (type === RDB_MODULE || type === RDB_MODULE_2) return `module (type ${type})`;
  return undefined;
}
