// DeviceTrust: whether the owner of a device has signed it, and whether the client excludes devices without that (MSC4153).
// protocol.md 11 (11).
import type { MatrixClient } from "matrix-js-sdk";
import { defer, type Observable } from "rxjs";
import type { Device } from "../matrix.ts";
import { objectOr } from "../room/json.ts";
import { portErrors } from "./sdk-request.ts";

/** `DeviceIsolationModeKind.OnlySignedDevicesIsolationMode`, which the SDK exports from a separate path. */
const onlySignedDevices = 1;

/** Whether the client is in the mode that excludes devices which their owner has not signed. The SDK has no getter for it. */
export function excludesUnsigned(client: MatrixClient): boolean {
  const { deviceIsolationMode } = objectOr(client.getCrypto());
  return objectOr(deviceIsolationMode)["kind"] === onlySignedDevices;
}

/** Whether the cross-signing identity of its owner has signed a device, by the device list that the client has. */
export async function isSignedByOwner(client: MatrixClient, { userId, deviceId }: Device): Promise<boolean> {
  const status = await client.getCrypto()?.getDeviceVerificationStatus(userId, deviceId);
  return status?.signedByOwner ?? false;
}

/** Whether the owner of a device has signed it. `unknown`: there is no such device. */
export type DeviceTrust = "signed" | "unsigned" | "unknown";

/** Emits once, after the device list of the user has been loaded. */
export function trustOf(client: MatrixClient, device: Device): Observable<DeviceTrust> {
  const load = async (): Promise<DeviceTrust> => {
    const lists = await client.getCrypto()?.getUserDeviceInfo([device.userId], true);
    if (!lists?.get(device.userId)?.has(device.deviceId)) return "unknown";
    return (await isSignedByOwner(client, device)) ? "signed" : "unsigned";
  };
  return defer(load).pipe(portErrors());
}
