/** A TCP relay in front of a service that cuts connections in mid-stream, as a bad network does. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export interface Cut {
  /** How much of what the service says gets through on this connection. */
  bytes: number;
  /** Only whole SSE blocks get through; otherwise the cut is where it is, in the middle of a line. */
  betweenBlocks?: boolean;
}

export class CuttingRelay {
  /** How many connections were made through it. */
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly cuts: readonly Cut[],
  ) {}

  /** In front of the port of `url` on this machine; `cuts` are for the first connections, later ones are left alone. */
  static async start(url: string, cuts: readonly Cut[]): Promise<CuttingRelay> {
    const server = createServer();
    const relay = new CuttingRelay(server, cuts);
    server.on("connection", (near) => relay.join(near, connect(Number(new URL(url).port), "127.0.0.1")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(near: Socket, far: Socket): void {
    const cut = this.cuts[this.connections++];
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on("error", end).on("close", end).on("close", () => this.sockets.delete(socket)); // prettier-ignore
    }
    near.pipe(far);
    if (cut) this.passSome(far, near, cut);
    else far.pipe(near);
  }

  /** Passes the beginning on, then resets the connection without a goodbye. */
  private passSome(far: Socket, near: Socket, { bytes, betweenBlocks = false }: Cut): void {
    let room = bytes;
    far.on("data", (chunk: Buffer) => {
      if (chunk.length <= room) {
        near.write(chunk);
        room -= chunk.length;
        return;
      }
      const end = betweenBlocks ? chunk.lastIndexOf("\n\n", room) + 2 : room;
      far.removeAllListeners("data").resume();
      near.write(chunk.subarray(0, Math.max(0, end)), () => near.resetAndDestroy());
    });
  }
}
