// Ports: free ports on the loopback interface, the usual ones if possible.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";

export const host = "127.0.0.1";

/** An HTTP server on the usual port, or on any free one. */
export async function listen(usual: number, address = host): Promise<{ server: HttpServer; port: number }> {
  for (const port of [usual, 0]) {
    const server = createServer().listen(port, address);
    try {
      await once(server, "listening");
      return { server, port: (server.address() as AddressInfo).port };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error("No free port on the loopback interface");
}

export const freePort = (usual: number, address = host): Promise<number> =>
  bindTcp(usual, address).catch(() => bindTcp(0, address));

export const freeUdpPort = (usual: number, address = host): Promise<number> =>
  bindUdp(usual, address).catch(() => bindUdp(0, address));

async function bindTcp(wanted: number, address: string): Promise<number> {
  const server = createTcpServer().listen(wanted, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function bindUdp(wanted: number, address: string): Promise<number> {
  const socket = createSocket("udp4").bind(wanted, address);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}
