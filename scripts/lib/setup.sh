# shellcheck shell=bash
# What scripts/up, scripts/test, scripts/check, benchmarks/run and others have in common: they source this file.
# Everything missing is installed (.venv, and on Debian as root the system's packages) or named with the line that installs it.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$(basename "$(dirname "$0")")/$(basename "$0")" "$*" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in "${NIGHTJAR_PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    command -v "${candidate:-no-such-python}" >/dev/null || continue
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
    printf '%s' "$candidate"
    return
  done
  fail "needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: apt-get install python3 python3-venv)"
}

# ensure_venv REQUIREMENTS… makes .venv and installs what the files pin. It does nothing when that has been done.
ensure_venv() {
  local stamp file
  stamp=$(sha256sum "$@" pyproject.toml | sha256sum | cut -c1-16)
  for file in "$@"; do stamp+=" $file"; done
  exec 9>.venv.lock
  flock 9
  # Its commands name the directory that they were installed in.
  if ! .venv/bin/python -c '' 2>/dev/null || [[ $(cat .venv/.path 2>/dev/null) != "$PWD" ]]; then
    local python
    python=$(find_python) || exit 1
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv || fail "cannot make .venv"
    printf '%s\n' "$PWD" >.venv/.path
  fi
  if ! grep -qxF -- "$stamp" .venv/.installed 2>/dev/null; then
    local arguments=()
    for file in "$@"; do arguments+=(-r "$file"); done
    say "installing $(cat "$@" | grep -c '^[^#]') pinned Python packages into .venv (about a minute)"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps "${arguments[@]}" ||
      fail "pip could not install the packages"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --editable . ||
      fail "pip could not install the nightjar command"
    printf '%s\n' "$stamp" >>.venv/.installed
  fi
  flock -u 9
}

# ensure_packages WHY COMMAND_OR_FILE=PACKAGE … installs Debian packages whose command or file is missing.
ensure_packages() {
  local why=$1 missing=() pair
  shift
  for pair in "$@"; do
    local probe=${pair%%=*} package=${pair#*=}
    [[ $probe == /* && -e $probe ]] || PATH=$PATH:/usr/sbin command -v "$probe" >/dev/null || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local line="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    fail "missing for $why: ${missing[*]}. On Debian or Ubuntu: sudo sh -c '$line'"
  fi
  say "installing ${missing[*]} with apt-get"
  local had_mosquitto log
  had_mosquitto=$(command -v /usr/sbin/mosquitto || true)
  log=$(mktemp)
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || {
    cat "$log" >&2
    fail "apt-get could not install ${missing[*]}"
  }
  rm -f "$log"
  # The package starts a broker of its own on the port that ours wants. Only one that we have just brought is stopped.
  if [[ -z $had_mosquitto && -x /usr/sbin/mosquitto && -d /run/systemd/system ]]; then
    systemctl disable --now mosquitto >/dev/null 2>&1 || say "mosquitto's own service could not be disabled"
  fi
}

# broker_packages WHY [COMMAND_OR_FILE=PACKAGE …] installs the broker, what compiles its plugin, and what is named beside.
broker_packages() {
  ensure_packages "$1" "${@:2}" mosquitto=mosquitto gcc=gcc make=make /usr/include/mosquitto_broker.h=mosquitto-dev \
    /usr/include/stdio.h=libc6-dev /usr/include/mosquitto.h=libmosquitto-dev /usr/include/openssl/evp.h=libssl-dev \
    /usr/include/jansson.h=libjansson-dev
}
