/** A TCP connection to another node, behind the port that replication declares. */

import { connect } from 'node:net';
import type { PeerConnector, PeerSocket, PeerSocketEvents } from '../replication/peer-socket.ts';

export const tcpConnector: PeerConnector = {
  connect(host: string, port: number, events: PeerSocketEvents): PeerSocket {
    let over = false;
    let reason = 'closed by the peer';
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    socket.on('connect', () => {
      if (!over) events.opened();
    });
    socket.on('data', bytes => {
      if (!over && typeof bytes !== 'string') events.received(bytes);
    });
    socket.on('error', error => {
      reason = error.message;
    });
    socket.on('close', () => {
      if (over) return;
      over = true;
      events.closed(reason);
    });
    return {
      write: data => {
        if (over) return;
        if (typeof data === 'string') socket.write(data, 'latin1');
        else socket.write(data);
      },
      pause: () => void socket.pause(),
      resume: () => {
        if (socket.isPaused()) socket.resume();
      },
      close: () => {
        over = true;
        socket.destroy();
      },
    };
  },
};
