// The public names of matrixrtc-rx/js-sdk.
export { fromMatrixClient, type MatrixClientPort } from "./from-matrix-client.ts";
export { callRoom, type CallRoom } from "./call-room.ts";
export { runningClient, type RunningClientOptions } from "./running-client.ts";
