/** The version of Valkey that the server speaks like, and our own. */

export const VALKEY_VERSION = '9.1.2';
/** The Redis version that Valkey shows to old clients. */
export const REDIS_VERSION = '7.2.4';
/** Our own, as in package.json. */
export const SLOTKEEPER_VERSION = '0.1.0';
