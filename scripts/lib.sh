# What the scripts share: strict mode, the top of the tree, and how they speak. To be sourced.
# shellcheck shell=bash
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=scripts/$(basename "$0")

say() { printf '%s: %s\n' "$program" "$*"; }
die() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

# Prints the comment block at the head of the calling script, which is its manual.
show_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//;t print;d;:print;p}' "$0"; }

# Compilers and test runners get one job for each CPU, and never less than two.
jobs() {
  local cpus
  cpus=$(nproc)
  echo $((cpus > 2 ? cpus : 2))
}

# configure PRESET [cmake options]: quiet unless it fails; ccache is used where there is one.
configure() {
  local preset=$1 log
  shift
  local options=("$@")
  if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  log=$(mktemp)
  if ! (cd "$top" && cmake --preset "$preset" "${options[@]}") >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "cmake could not configure the preset '$preset' (see above); is something missing? scripts/deps build"
  fi
  rm -f "$log"
}

# build PRESET [targets]: ninja shows its own progress.
build() {
  local preset=$1
  shift
  (cd "$top" && cmake --build --preset "$preset" -j "$(jobs)" ${1+--target "$@"})
}
