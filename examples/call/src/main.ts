// The call app: an account, a client, a room, and the room's page.
import { switchMap } from "rxjs";
import { matrixClient } from "./client.ts";
import { element, reasonOf } from "./element.ts";
import { readLink } from "./link.ts";
import { room } from "./lobby.ts";
import { account } from "./login.ts";
import { stage } from "./stage.ts";

const link = readLink();

account(link.homeserver)
  .pipe(
    switchMap(matrixClient),
    switchMap((client) => room(client, link).pipe(switchMap((roomId) => stage(client, roomId, link)))),
  )
  .subscribe({
    error: (error: unknown) => document.body.append(element("p", { className: "problem" }, reasonOf(error))),
  });
