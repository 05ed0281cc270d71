// Replaces matrixrtc-rx/js-sdk in the call app: the same, and it notes key messages.
import * as jsSdk from "matrixrtc-rx/js-sdk";
import { tap } from "rxjs";
import { noteKeyMessages } from "./key-messages.ts";

export * from "matrixrtc-rx/js-sdk";

export const runningClient: typeof jsSdk.runningClient = (...options) =>
  jsSdk.runningClient(...options).pipe(tap((port) => noteKeyMessages(port)));
