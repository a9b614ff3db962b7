#!/usr/bin/env bash
# Makes what `make demo` and `make test` need: OpenGL, a .venv, the package in it; quick when done.
# Usage: scripts/setup.sh [browser]
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "goalscope set-up: $1" >&2; }
fail() { say "$1"; exit 2; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() { # install WHAT PACKAGES...: Debian packages, as root
  local what=$1; shift
  echo "Installing $what: $*"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } >/dev/null
}

has() { command -v "$1" >/dev/null; }

libraries=""
has_library() { # a shared library the dynamic linker finds
  # Not piped into grep -q: it would close the pipe early, and pipefail call that a failure.
  [ -n "$libraries" ] || libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true)
  case $libraries in *"$1"*) true ;; *) false ;; esac
}

opengl="libegl1 libgl1 libegl-mesa0 libgl1-mesa-dri"
if [ "$(uname -s)" = Linux ] && ! has_library libEGL.so.1 && ! has_library libOSMesa.so; then
  what="OpenGL for drawing without a screen"
  can_install || fail "$what is missing; on Debian or Ubuntu run: sudo apt-get install -y $opengl"
  # shellcheck disable=SC2086  # several packages
  install "$what" $opengl || install "$what" libosmesa6 ||
    fail "$what could not be installed; run: apt-get install -y $opengl (or libosmesa6)"
fi

if [ "${1:-}" = browser ] && [ "$(uname -s)" = Linux ] && ! has google-chrome &&
  ! { has chromium && has chromedriver; }; then
  what="a browser for the tests of the pages"
  if can_install; then
    install "$what" chromium chromium-driver || fail "$what could not be installed"
  else
    say "$what is missing; on Debian or Ubuntu run: sudo apt-get install -y chromium chromium-driver"
  fi
fi

find_python() { # newer ones than the machine's own may lack the pinned torch
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if has "$candidate" &&
      "$candidate" -c "import sys; sys.exit(sys.version_info < (3, 11)); $1" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

if [ ! -x .venv/bin/python ] || [ ! -x .venv/bin/pip ]; then # pip comes last: none was interrupted
  with_venv="import venv, ensurepip"
  python=$(find_python "$with_venv")
  if [ -z "$python" ] && [ -n "$(find_python "")" ] && can_install; then # Debian splits venv off
    install "Python's venv" python3-venv || fail "python3-venv could not be installed"
    python=$(find_python "$with_venv")
  fi
  [ -n "$python" ] ||
    fail "Python 3.11 or newer with venv is needed (on Debian or Ubuntu: python3-venv); install it"
  echo "Making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi

pip() {
  .venv/bin/python -m pip --disable-pip-version-check -qq "$@" ||
    fail "pip could not install what is needed; see its message above, then try again"
}

requirements=$(cat pyproject.toml constraints.txt | cksum)
if [ "$(cat .venv/requirements.stamp 2>/dev/null)" != "$requirements" ]; then
  echo "Installing goalscope and what it needs (minutes, the first time)"
  pip install -c constraints.txt torch # first, and pinned: an open range may take a larger build
  pip install -c constraints.txt -e '.[dev]'
  echo "$requirements" >.venv/requirements.stamp
fi
