// Process: members in a process of their own. They report on its standard output, log on its standard error, and take
// commands from its standard input. The process ends when that closes.
import { createInterface } from "node:readline";
import { type Member, startMember } from "./member.ts";
import type { AddressedCommand, AddressedReport, MemberSettings } from "./report.ts";

const all = JSON.parse(process.env["MEMBERS"] ?? "") as readonly MemberSettings[];
const reportMs = Math.max(...all.map((settings) => settings.reportMs ?? 250));

/** Whatever happens, the parent must learn of it. */
function fail(error: unknown): void {
  console.error(error instanceof Error ? error.stack : error);
  process.exit(1);
}

const members: Member[] = [];
// One after the other: each start is work for this process.
// oxlint-disable-next-line no-await-in-loop
for (const [at, one] of all.entries())
  members.push(await startMember(one, { log: (line) => console.error(`#${at} ${line}`), fail }));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { to, ...command } = JSON.parse(line) as AddressedCommand;
    members[to]!.tell(command);
  })
  .on("close", () => process.exit());

const send = () => {
  for (const [from, member] of members.entries()) {
    const report: AddressedReport = { from, ...member.report(members.length) };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
};
setInterval(send, reportMs);
send();
