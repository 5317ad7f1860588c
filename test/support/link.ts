import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut: whoever is connected through it is as good as dead to that server. */
export class Link {
  /** host:port to connect to instead. */
  readonly address: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /**
   * @param address - host:port of the server.
   * @param at - the port to listen on; who mends it gives one that nobody is given meanwhile.
   */
  static async open(address: string, at = 0): Promise<Link> {
    const [host, port] = address.split(':');
    const sockets = new Set<Socket>();
    const keep = (socket: Socket): Socket => {
      sockets.add(socket);
      // An end that breaks off is what a link is for; the other end learns of it.
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    };
    const server = createServer((near) => {
      const far = keep(connect(Number(port), host));
      keep(near).pipe(far).pipe(near);
      near.once('close', () => far.destroy());
      far.once('close', () => near.destroy());
    });
    await listen(server, at);
    return new Link(server, sockets);
  }

  /** At once: what is under way is lost, and nobody can connect any more, until it is mended. */
  cut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async mend(): Promise<void> {
    await listen(this.#server, Number(this.address.split(':')[1]));
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}
