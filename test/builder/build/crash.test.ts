import { describeCrashes, ENGINES } from "./crash.js";

/**
 * Engines differ in how trees are copied only: of rsync copy the base, a plain step, the one with cache and secret and the
 * restore are tried, of the others the plain step. All of them: crash.long.test.ts.
 */
describeCrashes(ENGINES.map((engine, index) => ({ ...engine, jobs: index === 0 ? [0, 1, 3, 5] : [1] })));
