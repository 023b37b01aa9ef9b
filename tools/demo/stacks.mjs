// What the demo boots, and what its acts must know of the two stacks (stacks/Pulumi.demo-*.yaml).
export const COMPILER_PREFIX = "/opt/ocaml/4.13.1";

const common = { image: "ocaml-4.13", builder: "mac705", store: "/var/db/macfoundry/store" };

export const DEMO_STACKS = [
  {
    ...common,
    stack: "demo-intel",
    /** This stack wants SIP to be off. */
    expectsSip: true,
    wanted: [{ name: "demo-i7-01", profile: "intel-14", sip: "disabled" }],
  },
  {
    ...common,
    stack: "demo-arm",
    expectsSip: false,
    wanted: [
      { name: "demo-m1-01", profile: "arm-15", sip: "enabled" },
      { name: "demo-m1-02", profile: "arm-15", sip: "enabled" },
    ],
  },
];
