// The public names of matrixrtc-rx/check: whether calls can work here, and whether a user may join them. It needs no LiveKit SDK.
export { permissionsOf, type Permissions } from "../room/power-levels.ts";
export { type CallSetupOptions, checkCallSetup, type SetupStep, type SetupStepName } from "./call-setup.ts";
