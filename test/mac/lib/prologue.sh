# Prologue of stand-ins written in sh: the same faults as Sim.pm. Sourced as `. /.sim/lib/prologue.sh` with "$@" in place.
# shellcheck shell=sh
SIM_STATE_DIR=${SIM_STATE_DIR:-/.sim/state}
SIM_REAL_ROOT=${SIM_REAL_ROOT-/.sim/debian}
SIM_NAME=${0##*/}

# Prints one value of the Mac's state, or the second argument when it is not set.
sim_state() {
  if [ -r "$SIM_STATE_DIR/$1" ]; then
    IFS= read -r sim_value <"$SIM_STATE_DIR/$1" || :
    printf '%s\n' "$sim_value"
  else
    printf '%s\n' "${2-}"
  fi
}

sim_meet_fault() {
  [ -r "$SIM_STATE_DIR/faults/command:$SIM_NAME" ] || return 0
  sim_tab=$(printf '\t')
  while IFS= read -r sim_line || [ -n "$sim_line" ]; do
    case $sim_line in
      slow:*)
        "$SIM_REAL_ROOT/usr/bin/sleep" "${sim_line#slow:}"
        continue
        ;;
    esac
    sim_code=${sim_line%%"$sim_tab"*}
    sim_pattern='' sim_text=''
    case $sim_line in
      *"$sim_tab"*"$sim_tab"*)
        sim_pattern=${sim_line#*"$sim_tab"}
        sim_text=${sim_pattern#*"$sim_tab"}
        sim_pattern=${sim_pattern%%"$sim_tab"*}
        ;;
      *"$sim_tab"*) sim_pattern=${sim_line#*"$sim_tab"} ;;
    esac
    if [ -n "$sim_pattern" ]; then
      printf '%s\n' "$*" | "$SIM_REAL_ROOT/usr/bin/grep" -Eq -- "$sim_pattern" || continue
    fi
    [ -z "$sim_text" ] || printf '%b\n' "$sim_text" >&2
    exit "$sim_code"
  done <"$SIM_STATE_DIR/faults/command:$SIM_NAME"
}

sim_meet_fault "$@"
