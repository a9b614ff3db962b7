#!/usr/bin/env bash
# Makes what `make demo` and `make test` need: OpenGL, a .venv, the package in it; quick when done.
# Usage: scripts/setup.sh [browser]
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "goalscope set-up: $1" >&2; exit 2; }

# Debian packages, installed where root and apt are at hand, named otherwise.
need() { # need WHAT PACKAGES...
  local what=$1; shift
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $what: $*"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } \
      >/dev/null || fail "$what could not be installed; run: apt-get install -y $*"
  else
    fail "$what is missing; on Debian or Ubuntu run: sudo apt-get install -y $*"
  fi
}

has_library() { # a shared library the dynamic linker finds
  if command -v ldconfig >/dev/null; then ldconfig -p; else /sbin/ldconfig -p; fi 2>/dev/null |
    grep -q "$1"
}

if [ "$(uname -s)" = Linux ]; then
  if ! has_library 'libEGL\.so\.1' && ! has_library 'libOSMesa'; then
    need "OpenGL for rendering without a screen" libegl1 libgl1 libegl-mesa0 libgl1-mesa-dri
  fi
  if [ "${1:-}" = browser ] && ! command -v chromium >/dev/null &&
    ! command -v google-chrome >/dev/null; then
    need "a browser for the tests of the pages" chromium chromium-driver
  fi
fi

find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
        2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

if [ ! -x .venv/bin/python ]; then
  python=$(find_python)
  if [ -z "$python" ] && [ "$(uname -s)" = Linux ] && command -v python3 >/dev/null &&
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    need "Python's venv" python3-venv python3-dev
    python=$(find_python)
  fi
  [ -n "$python" ] || fail "Python 3.11 or newer with venv is needed; install it, then try again"
  echo "Making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check -q "$@" 2>&1 |
  grep -v '^WARNING: Location' | grep -v '^ *$' || [ "${PIPESTATUS[0]}" = 0 ]; }

requirements=$(cat pyproject.toml constraints.txt | cksum)
if [ "$(cat .venv/requirements.stamp 2>/dev/null)" != "$requirements" ]; then
  echo "Installing goalscope and what it needs (minutes, the first time)"
  # torch first and pinned: an open range would take a build with gigabytes of CUDA libraries.
  pip install -c constraints.txt torch
  pip install -c constraints.txt -e '.[dev]' --config-settings editable_mode=strict
  echo "$requirements" >.venv/requirements.stamp
  rm -f .venv/files.stamp
fi

# A strict editable install links each file: a new one needs the links made again.
files=$(find probes diagnostics training reports cli -name '*.py' -o -path '*/templates/*' | sort |
  cksum)
if [ "$(cat .venv/files.stamp 2>/dev/null)" != "$files" ]; then
  pip install --no-deps -e . --config-settings editable_mode=strict
  echo "$files" >.venv/files.stamp
fi
