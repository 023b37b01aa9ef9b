import { describeCrashes, ENGINES } from "./crash.js";

describeCrashes(ENGINES);
