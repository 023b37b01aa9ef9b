/** The OCaml base image as a spec. Pure. */
export { ocamlImageSpec, type OcamlImage, type OcamlImageOptions } from "./image.js";
export { COMPILER_FILE, PROFILE_FILE, profileLines } from "./profile.js";
