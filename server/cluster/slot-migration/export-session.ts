/** An export's connection as the server's clients see it: a line of CLIENT LIST (flag E) that CLIENT KILL can close. */

import type { Session, Transport } from '../../core/session.ts';
import type { MigrationEnvironment } from './environment.ts';
import type { ExportChannel } from './export-channel.ts';

export function exportSession(environment: MigrationEnvironment, channel: ExportChannel): Session {
  const transport: Transport = {
    remoteAddress: channel.address,
    get localAddress() {
      return channel.localAddress;
    },
    fileDescriptor: -1,
    get pendingOutputBytes() {
      return channel.pendingBytes;
    },
    inputBufferBytes: 0,
    isUnixSocket: false,
    closeAfterReply: () => channel.fail('closed'),
    close: reason => channel.fail(reason),
    // No request of it runs here.
    holdInput() {},
    resumeInput() {},
    takeOver: () => new Uint8Array(0),
    write: bytes => channel.append(bytes, 0, bytes.length),
  };
  return environment.openSession(transport);
}
