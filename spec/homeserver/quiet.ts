// Silences matrix-js-sdk, which logs every step: its clients, and the sessions that log for themselves.
import { logger } from "matrix-js-sdk/lib/logger.js";

interface Loglevel {
  methodFactory: () => () => void;
  rebuild(): void;
}

// New loggers take the factory of their parent, which is this one.
const parent = logger as unknown as Loglevel;
parent.methodFactory = () => () => {};
parent.rebuild();
