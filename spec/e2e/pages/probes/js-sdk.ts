// Replaces matrixrtc-rx/js-sdk in the call app: the same, and it notes key messages.
import * as jsSdk from "matrixrtc-rx/js-sdk";
import { noteKeyMessages } from "./key-messages.ts";

export * from "matrixrtc-rx/js-sdk";

export const fromMatrixClient: typeof jsSdk.fromMatrixClient = (client) => {
  const port = jsSdk.fromMatrixClient(client);
  noteKeyMessages(port);
  return port;
};
