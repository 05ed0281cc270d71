// The public names of matrixrtc-rx/check: whether calls can work here. It needs no LiveKit SDK.
export { type CallSetupOptions, checkCallSetup, type SetupStep, type SetupStepName } from "./call-setup.ts";
