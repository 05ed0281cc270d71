// ColdCallLog: a process of its own that logs the calls of 10,000 events once, and reports the processor time of that.
import { CallLog } from "../../src/history/call-log.ts";
import { past } from "./call-history.ts";
import { putAll } from "./figures/call-log.ts";
import { processorMs } from "./processor-time.ts";

const events = past();
const start = processorMs();
putAll(new CallLog(), events);
process.send?.(processorMs() - start);
