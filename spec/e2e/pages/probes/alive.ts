// Alive: how many workers and peer connections of this page have not been ended, on `window.alive`.
declare global {
  interface Window {
    alive?: () => { readonly workers: number; readonly peerConnections: number };
  }
}

/** Counts from now on. A plain import would be dropped: the package says that its files have no side effects. */
export function countAlive(): void {
  const workers = new Set<Worker>();
  const connections = new Set<RTCPeerConnection>();

  window.Worker = class extends Worker {
    constructor(...options: ConstructorParameters<typeof Worker>) {
      super(...options);
      workers.add(this);
    }

    override terminate(): void {
      workers.delete(this);
      super.terminate();
    }
  };

  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options: ConstructorParameters<typeof RTCPeerConnection>) {
      super(...options);
      connections.add(this);
    }

    override close(): void {
      connections.delete(this);
      super.close();
    }
  };

  window.alive = () => ({ workers: workers.size, peerConnections: connections.size });
}
