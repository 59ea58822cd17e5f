/**
 * `appendonly yes` asks for a file that this server does not write yet. Taken without effect, it would promise that a crash loses nothing: so the
 * start refuses it, and so does CONFIG SET, which goes through `ConfigStore`.
 */

/** Why, and what there is instead. */
export const NO_APPEND_ONLY_FILE =
  'this server writes no append-only file yet, it keeps data in RDB files (save points by the directive save, or BGSAVE)';
