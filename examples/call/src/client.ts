// Client: the running client of this tab, which is one device: it survives a reload, and ends with the tab.
import { createClient } from "matrix-js-sdk";
import { runningClient } from "matrixrtc-rx/js-sdk";
import { defer, map, type Observable, of, switchMap, take, tap } from "rxjs";
import { type Fields, main, part, submitted, view, waiting } from "./view.ts";

type Account = Awaited<ReturnType<typeof signIn>>;

const storageKey = "matrixrtc-rx account";

/** Emits the client and its port once it has synced: that of the last login in this tab, or else of a new one. */
export const ownClient = (homeserver: string) =>
  defer(() => {
    const stored = sessionStorage.getItem(storageKey);
    return stored === null ? newAccount(homeserver) : of(JSON.parse(stored) as Account);
  }).pipe(switchMap(running));

const newAccount = (homeserver: string): Observable<Account> =>
  view("login", main, (form) => {
    part<HTMLInputElement>(form, "input").value = homeserver;
    return submitted(form, signIn);
  }).pipe(
    take(1),
    tap((account) => sessionStorage.setItem(storageKey, JSON.stringify(account))),
  );

async function signIn({ homeserver = "", user = "", action, ...fields }: Fields) {
  const baseUrl = homeserver.includes("://") ? homeserver : `https://${homeserver}`;
  const request = { ...fields, initial_device_display_name: "matrixrtc-rx call" };
  const identifier = { type: "m.id.user", user };
  const answer = await (action === "register"
    ? createClient({ baseUrl }).registerRequest({ ...request, username: user, auth: { type: "m.login.dummy" } })
    : createClient({ baseUrl }).loginRequest({ ...request, type: "m.login.password", identifier }));
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = answer;
  if (!deviceId || !accessToken) throw new Error("The account is registered. Log in now.");
  return { homeserver: baseUrl, userId, deviceId, accessToken };
}

const running = ({ homeserver: baseUrl, ...account }: Account) => {
  const client = createClient({ baseUrl, ...account });
  // Its keys are in IndexedDB, so that a reload stays one device.
  const crypto = { cryptoDatabasePrefix: `call ${account.userId} ${account.deviceId}` };
  return runningClient(client, { crypto, start: { initialSyncLimit: 30 } }).pipe(
    map((matrix) => ({ client, matrix })),
    tap({ error: ({ kind }) => kind === "logged-out" && sessionStorage.removeItem(storageKey) }),
    waiting(`Connecting to ${baseUrl}…`),
  );
};
