import { majorOf } from "../platform.js";
import type { Platform } from "../platform.js";

/** How a person brings macFUSE's kernel extension to life; the approval is a click on every macOS (macFUSE's wiki, "Getting Started"). */
export function describeMacFuseProcedure(platform: Platform, isInstalled: boolean): string {
  const settings =
    majorOf(platform.macos) >= 13 ? "System Settings, Privacy & Security" : "System Preferences, Security & Privacy";
  const steps = [
    ...(isInstalled ? [] : ["install macFUSE from its disk image, as an administrator at the Mac"]),
    ...(platform.arch === "arm64"
      ? [
          "in Recovery (hold the power button at start): Startup Security Utility, the volume, Security Policy, Reduced " +
            'Security with "Allow user management of kernel extensions from identified developers"',
        ]
      : []),
    `${settings}: allow system software from "Benjamin Fleischer"`,
    "restart the Mac, then run this again",
  ];
  return steps.join("; ");
}

export function describeRemoval(): string {
  return "run the uninstaller on macFUSE's disk image (Extras) at the Mac, restart, then run this again";
}
