/** The link to the primary as the server's clients see it: a line of CLIENT LIST (flag M) that CLIENT KILL can close. */

import type { Transport } from '../core/session.ts';
import type { PeerSocket } from './peer-socket.ts';

/** `close`: breaks the link. */
export function primaryTransport(socket: PeerSocket, close: (reason: string) => void): Transport {
  return {
    remoteAddress: socket.remoteAddress,
    localAddress: socket.localAddress,
    fileDescriptor: -1,
    get pendingOutputBytes() {
      return socket.pendingBytes;
    },
    inputBufferBytes: 0,
    isUnixSocket: false,
    closeAfterReply: () => close('closed'),
    close,
    // The stream is applied in the session's name: nothing of it is held, and its replies go nowhere.
    holdInput() {},
    resumeInput() {},
    takeOver: () => new Uint8Array(0),
    write() {},
  };
}
