/**
 * The packets of the cluster bus as data. `bus-codec.ts` turns them into bytes and back.
 *
 * Epochs are unsigned 64-bit and therefore bigint; ids, addresses and names are latin1 text without the padding zeros.
 */

export const PACKET_PING = 0;
export const PACKET_PONG = 1;
export const PACKET_MEET = 2;
export const PACKET_FAIL = 3;
export const PACKET_PUBLISH = 4;
export const PACKET_AUTH_REQUEST = 5;
export const PACKET_AUTH_ACK = 6;
export const PACKET_UPDATE = 7;
export const PACKET_MFSTART = 8;
export const PACKET_MODULE = 9;
export const PACKET_PUBLISH_SHARD = 10;

/** Indexed by type; the names of CLUSTER INFO. */
export const PACKET_NAMES: readonly string[] = [
  'ping',
  'pong',
  'meet',
  'fail',
  'publish',
  'auth-req',
  'auth-ack',
  'update',
  'mfstart',
  'module',
  'publishshard',
];

export const packetName = (type: number): string => PACKET_NAMES[type] ?? 'unknown';

/** The sender pauses writes for a manual failover. */
export const MESSAGE_PAUSED = 1;
/** Vote although the primary is not FAIL for you. */
export const MESSAGE_FORCE_ACK = 2;
/** Extensions follow, or at least: I understand them. */
export const MESSAGE_EXTENSIONS = 4;

/** What every full packet says of its sender. */
export interface PacketHeader {
  readonly senderId: string;
  /** Client port (the TLS one when tls-cluster is on), and the other one (0 = none). */
  readonly port: number;
  readonly otherPort: number;
  readonly busPort: number;
  /** Announced address, '' = take the peer's. */
  readonly ip: string;
  readonly flags: number;
  readonly messageFlags: number;
  readonly clusterFailed: boolean;
  readonly currentEpoch: bigint;
  /** Of the sender's primary when it is a replica; so are `slots`. */
  readonly configEpoch: bigint;
  readonly replicationOffset: number;
  readonly slots: Uint8Array;
  /** '' = the sender is a primary. */
  readonly primaryId: string;
}

/** What the sender knows of a third node. Times in unix seconds. */
export interface GossipEntry {
  readonly id: string;
  readonly pingSentSeconds: number;
  readonly pongReceivedSeconds: number;
  readonly ip: string;
  readonly port: number;
  readonly otherPort: number;
  readonly busPort: number;
  readonly flags: number;
}

export interface ForgottenNode {
  readonly id: string;
  readonly ttlSeconds: number;
}

/** What did not fit into the header. An absent value means: unset. */
export interface Extensions {
  readonly hostname: string;
  readonly humanName: string;
  readonly availabilityZone: string;
  readonly clientIpv4: string;
  readonly clientIpv6: string;
  readonly clientPort: number;
  readonly clientTlsPort: number;
  /** '' = not told. */
  readonly shardId: string;
  readonly forgotten: readonly ForgottenNode[];
}

export const NO_EXTENSIONS: Extensions = {
  hostname: '',
  humanName: '',
  availabilityZone: '',
  clientIpv4: '',
  clientIpv6: '',
  clientPort: 0,
  clientTlsPort: 0,
  shardId: '',
  forgotten: [],
};

/** What a packet says beyond its header. */
export type PacketBody =
  | {
      readonly kind: 'ping';
      readonly type: typeof PACKET_PING | typeof PACKET_PONG | typeof PACKET_MEET;
      readonly gossip: readonly GossipEntry[];
      /** Ids in the gossip that are none: the whole section is to be ignored. */
      readonly invalidIds: number;
      readonly extensions: Extensions;
    }
  | { readonly kind: 'fail'; readonly type: typeof PACKET_FAIL; readonly nodeId: string }
  | {
      readonly kind: 'publish';
      readonly type: typeof PACKET_PUBLISH | typeof PACKET_PUBLISH_SHARD;
      readonly channel: Uint8Array;
      readonly message: Uint8Array;
    }
  | { readonly kind: 'auth-request'; readonly type: typeof PACKET_AUTH_REQUEST }
  | { readonly kind: 'auth-ack'; readonly type: typeof PACKET_AUTH_ACK }
  | { readonly kind: 'mfstart'; readonly type: typeof PACKET_MFSTART }
  | {
      readonly kind: 'update';
      readonly type: typeof PACKET_UPDATE;
      readonly nodeId: string;
      readonly configEpoch: bigint;
      readonly slots: Uint8Array;
    }
  | { readonly kind: 'module'; readonly type: typeof PACKET_MODULE }
  | { readonly kind: 'unknown'; readonly type: number };

/** `header` is undefined for a light packet. Byte arrays are views into the packet: copy what is kept. */
export interface Packet {
  readonly header: PacketHeader | undefined;
  readonly body: PacketBody;
}

export type DecodedPacket =
  | { readonly ok: true; readonly packet: Packet }
  /** `report`: the sentence for the log, undefined when upstream is silent too. */
  | { readonly ok: false; readonly report: string | undefined };
