// The public names of matrixrtc-rx/js-sdk.
export { fromMatrixClient, type MatrixClientPort } from "./from-matrix-client.ts";
