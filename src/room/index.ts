// The public names of matrixrtc-rx/room.
export { decodeContent, decodeEvent, isKnownType } from "./events/decode.ts";
