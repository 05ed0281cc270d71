// Setup: no mutant is active while a spec file is loaded. In a lasting thread the one of the last run still would be.
const { __stryker__: stryker } = globalThis as { __stryker__?: { activeMutant?: string | undefined } };
if (stryker) stryker.activeMutant = undefined;
