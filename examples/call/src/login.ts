// Login: a form that asks for an account, and the requests behind it.
import { createClient } from "matrix-js-sdk";
import { catchError, defer, EMPTY, exhaustMap, fromEvent, map, type Observable, of, take, tap } from "rxjs";
import { type Account, storeAccount, storedAccount } from "./account.ts";
import { element, page } from "./element.ts";
import { reasonOf } from "./reason.ts";

const deviceName = "matrixrtc-rx call";

/** The account of this tab: the stored one, or a new login. */
export function account(homeserver: string | undefined): Observable<Account> {
  return defer(() => {
    const stored = storedAccount();
    return stored ? of(stored) : askForAccount(homeserver).pipe(tap(storeAccount));
  });
}

function askForAccount(suggested = ""): Observable<Account> {
  const server = element("input", {
    name: "homeserver",
    value: suggested,
    placeholder: "https://matrix.example.org",
    required: true,
    autofocus: suggested === "",
  });
  const user = element("input", {
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    required: true,
    autofocus: suggested !== "",
  });
  const password = element("input", {
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  const problem = element("p", { className: "problem", role: "alert" });
  const form = element(
    "form",
    { className: "card" },
    element("h1", {}, "Calls"),
    element("p", { className: "note" }, "End-to-end encrypted, over Matrix."),
    element("label", {}, "Homeserver", server),
    element("label", {}, "User name", user),
    element("label", {}, "Password", password),
    problem,
    element(
      "div",
      { className: "row" },
      element("button", { value: "login", className: "primary" }, "Log in"),
      element("button", { value: "register" }, "Register"),
    ),
  );
  const submit$ = fromEvent<SubmitEvent>(form, "submit").pipe(
    tap((event) => event.preventDefault()),
    map((event) => (event.submitter as HTMLButtonElement | null)?.value),
    exhaustMap((action) => {
      problem.textContent = "";
      const signIn = action === "register" ? register : logIn;
      return defer(() => signIn(addressOf(server.value), user.value, password.value)).pipe(
        catchError((error: unknown) => {
          problem.textContent = reasonOf(error);
          return EMPTY;
        }),
      );
    }),
    take(1),
  );
  return page(form, submit$);
}

const addressOf = (text: string) => (text.includes("://") ? text : `https://${text}`);

interface SignedIn {
  user_id: string;
  device_id?: string;
  access_token?: string;
}

async function logIn(homeserver: string, user: string, password: string): Promise<Account> {
  const signedIn = await createClient({ baseUrl: homeserver }).loginRequest({
    type: "m.login.password",
    identifier: { type: "m.id.user", user },
    password,
    initial_device_display_name: deviceName,
  });
  return accountOf(homeserver, signedIn);
}

async function register(homeserver: string, username: string, password: string): Promise<Account> {
  const signedIn = await createClient({ baseUrl: homeserver }).registerRequest({
    username,
    password,
    initial_device_display_name: deviceName,
    auth: { type: "m.login.dummy" },
  });
  return accountOf(homeserver, signedIn);
}

function accountOf(homeserver: string, { user_id, device_id, access_token }: SignedIn): Account {
  if (!device_id || !access_token) throw new Error("The homeserver has registered the account, but did not log in.");
  return { homeserver, userId: user_id, deviceId: device_id, accessToken: access_token };
}
