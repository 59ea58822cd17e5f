/**
 * Flags of a node, as they travel in packet headers and gossip and as CLUSTER NODES and nodes.conf spell them.
 * Numbers and words are those of Valkey (`cluster_legacy.h`).
 */

export const FLAG_PRIMARY = 1 << 0;
export const FLAG_REPLICA = 1 << 1;
/** This node alone thinks that the node is unreachable. */
export const FLAG_PFAIL = 1 << 2;
/** A majority thinks so. */
export const FLAG_FAIL = 1 << 3;
export const FLAG_MYSELF = 1 << 4;
/** Its true id is not known yet. */
export const FLAG_HANDSHAKE = 1 << 5;
export const FLAG_NOADDR = 1 << 6;
/** The next ping on its link is a MEET. */
export const FLAG_MEET = 1 << 7;
/** A primary that has, or had, or should have replicas: replicas may migrate to it. */
export const FLAG_MIGRATE_TO = 1 << 8;
export const FLAG_NOFAILOVER = 1 << 9;
export const FLAG_EXTENSIONS = 1 << 10;
export const FLAG_LIGHT_PUBLISH = 1 << 11;
/** Light MODULE packets, and a second MEET on one link. */
export const FLAG_LIGHT_MODULE = 1 << 12;
/** A replica says so of itself: my primary is FAIL for me. */
export const FLAG_MY_PRIMARY_FAIL = 1 << 13;

/** What each full packet of a node says of it anew. */
export const FLAGS_FROM_EVERY_PACKET = FLAG_LIGHT_PUBLISH | FLAG_LIGHT_MODULE | FLAG_MY_PRIMARY_FAIL;

/** What this server can do, announced in its own flags. */
export const FLAGS_OF_THIS_SERVER = FLAG_EXTENSIONS | FLAG_LIGHT_PUBLISH | FLAG_LIGHT_MODULE;

/** What gossip may set on a node that we learn of by it. */
export const FLAGS_FROM_GOSSIP = 0x3fff & ~(FLAG_MYSELF | FLAG_HANDSHAKE | FLAG_MEET);

const WORDS: readonly (readonly [number, string])[] = [
  [FLAG_MYSELF, 'myself'],
  [FLAG_PRIMARY, 'master'],
  [FLAG_REPLICA, 'slave'],
  [FLAG_PFAIL, 'fail?'],
  [FLAG_FAIL, 'fail'],
  [FLAG_HANDSHAKE, 'handshake'],
  [FLAG_NOADDR, 'noaddr'],
  [FLAG_NOFAILOVER, 'nofailover'],
];

/** `myself,master` */
export function flagWords(flags: number): string {
  const words = WORDS.filter(([flag]) => flags & flag).map(([, word]) => word);
  return words.length === 0 ? 'noflags' : words.join(',');
}

/** The flags that nodes.conf's words stand for, undefined for a word that is none. */
export function parseFlagWords(text: string): number | undefined {
  let flags = 0;
  for (const raw of text.toLowerCase().split(',')) {
    const word = raw === 'primary' ? 'master' : raw === 'replica' ? 'slave' : raw;
    if (word === 'noflags') continue;
    const found = WORDS.find(([, known]) => known === word);
    if (found === undefined) return undefined;
    flags |= found[0];
  }
  return flags & FLAG_NOADDR ? flags | FLAG_FAIL : flags;
}
