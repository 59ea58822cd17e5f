/** A TCP connection to another node, behind the port that replication declares. */

import { connect } from 'node:net';
import { addressText } from '../../lib/address-text.ts';
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
      get remoteAddress() {
        return addressText(socket.remoteAddress, socket.remotePort);
      },
      get localAddress() {
        return addressText(socket.localAddress, socket.localPort);
      },
      get pendingBytes() {
        return socket.writableLength;
      },
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
