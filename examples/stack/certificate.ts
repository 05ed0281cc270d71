// Certificate: self-signed, for `localhost`. Homeservers connect to each other by TLS only.
import { join } from "node:path";
import { run } from "./process.ts";

export async function createCertificate(folder: string): Promise<{ certificate: string; key: string }> {
  const certificate = join(folder, "localhost.crt");
  const key = join(folder, "localhost.key");
  await run({
    name: "openssl",
    command: "openssl",
    args: [
      ..."req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=localhost".split(" "),
      "-out",
      certificate,
      "-keyout",
      key,
    ],
    logFile: join(folder, "openssl.log"),
  });
  return { certificate, key };
}
