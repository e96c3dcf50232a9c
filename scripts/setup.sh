#!/usr/bin/env bash
# Install what is missing to run GridServe (setup.sh run) or to test it too (setup.sh test).
# Steps that are already done are skipped; a second run takes well under a second.
set -Eeuo pipefail
# No silent end: what is not foreseen below says at least where it happened.
trap 'printf "✗ Set-up stopped at line %s of scripts/setup.sh: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/.."
mode=${1:-run}

say() { printf '• %s\n' "$*"; }
fail() { printf '✗ %s\n' "$1" >&2; shift; [ $# = 0 ] || printf '  %s\n' "$@" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# Fingerprint of files: a stamp that holds it says that a step was done for just these contents.
mark() { cat "$@" | if have sha256sum; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1; }
done_for() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# ---------------------------------------------------------------- what is there
postgres_with_postgis() {
  local control major
  for control in /usr/share/postgresql/*/extension/postgis.control /usr/pgsql-*/share/extension/postgis.control; do
    [ -f "$control" ] || continue
    major=$(printf '%s' "$control" | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    for bin in "/usr/lib/postgresql/$major/bin" "/usr/pgsql-$major/bin"; do
      [ "$major" -ge 14 ] && [ -x "$bin/initdb" ] && return 0
    done
  done
  if have pg_config; then
    [ -x "$(pg_config --bindir)/initdb" ] && [ -f "$(pg_config --sharedir)/extension/postgis.control" ] && return 0
  fi
  return 1
}
redis_there() { have redis-server || have valkey-server; }
good_python() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" /usr/bin/python3 python3.13 python3.12 python3.11; do
    if good_python "$candidate"; then printf '%s' "$candidate"; return 0; fi
  done
  return 1
}
node_there() { have npm && have node && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]; }
chromium_there() {
  have chromium || have chromium-browser || have google-chrome || have google-chrome-stable ||
    compgen -G "$HOME/.cache/ms-playwright/chromium*" >/dev/null ||
    compgen -G "$HOME/Library/Caches/ms-playwright/chromium*" >/dev/null ||
    [ -d "/Applications/Google Chrome.app" ]
}
chinese_font_there() {
  # Listed into a variable: grep -q would end the pipe early, which pipefail takes for an error.
  local fonts
  if ! have fc-list; then [ "$(uname)" = Darwin ]; return; fi
  fonts=$(fc-list :lang=zh family 2>/dev/null)
  [ -n "$fonts" ]
}

# What lays out documents on paper (WeasyPrint) is made of these.
pango_there() {
  local libraries one
  if [ "$(uname)" = Darwin ]; then
    compgen -G '/opt/homebrew/lib/libpango-1.0.*' >/dev/null || compgen -G '/usr/local/lib/libpango-1.0.*' >/dev/null
    return
  fi
  libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)
  for one in libpango-1.0 libpangoft2-1.0 libharfbuzz-subset; do
    case $libraries in *"$one.so.0"*) ;; *) return 1 ;; esac
  done
}

# ---------------------------------------------------------------- Debian and Ubuntu
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
apt_do() {
  local code=0 log
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null || code=$?
  [ "$code" = 0 ] || tail -n 25 "$log" >&2
  rm -f "$log"
  return "$code"
}
new_policy=/usr/sbin/policy-rc.d
new_cluster=/etc/postgresql-common/createcluster.d/gridserve-setup.conf
made_policy='' made_cluster=''
tidy() {
  [ -z "$made_policy" ] || as_root rm -f "$new_policy"
  [ -z "$made_cluster" ] || as_root rm -f "$new_cluster"
  made_policy='' made_cluster=''
}
apt_packages() {
  local version policy server
  wanted=''
  if ! postgres_with_postgis; then
    version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 2>/dev/null | sed 's|.*/||' | sort -n | tail -1) || true
    if [ -z "$version" ] || [ "$version" -lt 14 ]; then
      version=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p') || true
      version=${version%%$'\n'*}
    fi
    wanted="$wanted postgresql-${version:-15} postgresql-${version:-15}-postgis-3"
  fi
  redis_there || wanted="$wanted redis-server"
  if ! find_python >/dev/null; then
    wanted="$wanted python3 python3-venv"
    # Where the distribution's python3 is older than 3.11 a newer one may lie beside it.
    policy=$(apt-cache policy python3 2>/dev/null) || true
    if ! grep -Eq 'Candidate: 3\.(1[1-9]|[2-9][0-9])' <<<"$policy" &&
      apt-cache show python3.11-venv >/dev/null 2>&1; then
      wanted="$wanted python3.11 python3.11-venv"
    fi
  fi
  node_there || wanted="$wanted nodejs npm"
  pango_there || wanted="$wanted libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
  chinese_font_there || wanted="$wanted fontconfig fonts-noto-cjk"
  if [ "$mode" = test ]; then
    # Ubuntu's chromium package is only a door to snap, which machines without a desktop lack.
    if ! chromium_there && ! grep -q '^ID=ubuntu' /etc/os-release; then wanted="$wanted chromium"; fi
    # What stands around the application on servers is tried too.
    for server in nginx pgbouncer; do
      PATH="$PATH:/usr/sbin" have "$server" || wanted="$wanted $server"
    done
  fi
  wanted=${wanted# }
}
apt_install() {
  apt_packages
  [ -n "$wanted" ] || return 0
  if [ "$(id -u)" != 0 ] && ! { have sudo && sudo true; }; then
    fail "Missing system packages, and this account may not install them (no root, no sudo)." \
      "Have them installed, then run this again: apt-get install $wanted"
  fi
  say "Asking apt for what it has (something is missing)"
  apt_do update || say "apt-get update failed; trying with the lists that are here"
  apt_packages # the fresh lists may know other versions
  say "Installing with apt: $wanted"
  trap tidy EXIT
  # GridServe runs private servers of its own: the packages' servers are not started, no cluster
  # is made on port 5432, and whatever server runs already is neither restarted nor stopped.
  if [ ! -e "$new_policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$new_policy" >/dev/null
    as_root chmod 755 "$new_policy"
  fi
  local had_redis=yes server
  redis_there || had_redis=''
  case $wanted in
  *postgresql-*)
    if ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
      apt_do install -y --no-install-recommends postgresql-common ||
        fail "apt could not install postgresql-common. Its words are above; mend them and run again."
      made_cluster=yes
      as_root mkdir -p "$(dirname "$new_cluster")"
      echo 'create_main_cluster = false' | as_root tee "$new_cluster" >/dev/null
    fi ;;
  esac
  # shellcheck disable=SC2086 # a list of package names
  apt_do install -y --no-install-recommends --no-upgrade $wanted || fail \
    "apt could not install: $wanted" \
    "Its words are above. Mend them (network? sources? disk?), then run this again."
  # What was installed here only for us does not start by itself with the machine either.
  if [ -d /run/systemd/system ]; then
    [ -n "$had_redis" ] || as_root systemctl disable --quiet redis-server 2>/dev/null || true
    for server in nginx pgbouncer; do
      case " $wanted " in *" $server "*) as_root systemctl disable --quiet "$server" 2>/dev/null || true ;; esac
    done
  fi
  tidy
}

# ---------------------------------------------------------------- macOS
brew_install() {
  local wanted=''
  if ! compgen -G '/opt/homebrew/opt/postgresql*/share/postgresql*/extension/postgis.control' >/dev/null &&
    ! compgen -G '/opt/homebrew/share/postgresql*/extension/postgis.control' >/dev/null &&
    ! compgen -G '/usr/local/share/postgresql*/extension/postgis.control' >/dev/null; then
    wanted="$wanted postgis"
  fi
  redis_there || wanted="$wanted redis"
  find_python >/dev/null || wanted="$wanted python@3.12"
  node_there || wanted="$wanted node"
  pango_there || wanted="$wanted pango"
  [ -n "$wanted" ] || return 0
  have brew || fail "Missing:$wanted. Install Homebrew (see brew.sh), then run this again."
  say "Installing with Homebrew:$wanted"
  # shellcheck disable=SC2086
  brew install $wanted || fail "Homebrew could not install:$wanted. Its words are above."
}

system_packages() {
  if have apt-get; then
    apt_install
  elif [ "$(uname)" = Darwin ]; then
    brew_install
  fi
  postgres_with_postgis || [ "$(uname)" = Darwin ] || fail \
    "PostgreSQL 14 or newer with PostGIS 3 is missing. Install both with the system's packages."
  redis_there || fail "redis-server is missing. Install it with the system's packages."
  pango_there || fail "Pango and HarfBuzz are missing, which lay out documents on paper. Install them with the system's packages."
  chinese_font_there || say "No Chinese font: documents on paper will show boxes. Install one, such as Noto Sans CJK."
  node_there || fail "Node.js 18 or newer with npm is missing. Install it (Debian: apt install nodejs npm)."
}

# ---------------------------------------------------------------- Python
python_packages() {
  local python stamp want file=requirements.txt
  [ "$mode" = test ] && file=requirements-dev.txt
  if [ -d .venv ] && [ ! -w .venv ]; then
    fail "$PWD/.venv belongs to another account. Run as that account, or remove it: sudo rm -r .venv"
  fi
  if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python) || fail \
      "Python 3.11 or newer with its venv module is missing (Debian: apt install python3 python3-venv)." \
      "Name another interpreter with PYTHON=/path/to/python3."
    say "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail "$python could not make .venv; its words are above."
  fi
  stamp=.venv/gridserve-installed
  want=$(mark requirements.txt requirements-dev.txt pyproject.toml)
  if done_for "$stamp-test" "$want" || done_for "$stamp-$mode" "$want"; then return 0; fi
  say "Installing Python packages from $file (checked against their hashes)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$file" || fail \
    "pip could not install $file; its words are above (no network? a package index set in pip's configuration?)."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "pip could not install gridserve itself; its words are above."
  printf '%s\n' "$want" >"$stamp-$mode"
}

# ---------------------------------------------------------------- what the pages load
page_assets() {
  local want stamp=node_modules/.gridserve-installed
  want=$(mark package-lock.json)
  if ! done_for "$stamp-test" "$want" && ! done_for "$stamp-$mode" "$want"; then
    say "Installing page assets with npm $(npm --version)"
    npm ci $([ "$mode" = test ] || echo --omit=dev) --ignore-scripts --no-audit --no-fund --loglevel=error || fail \
      "npm could not install the page assets; its words are above (no network? a folder of another account?)."
    printf '%s\n' "$want" >"$stamp-$mode"
  fi
  .venv/bin/python scripts/vendor.py
}

translations() {
  local po stale=''
  for po in gridserve/translations/*/LC_MESSAGES/*.po; do
    [ -f "$po" ] || continue
    [ "${po%.po}.mo" -nt "$po" ] || stale=yes
  done
  [ -n "$stale" ] || return 0
  say "Compiling translations"
  .venv/bin/pybabel --quiet compile -d gridserve/translations ||
    fail "The translations could not be compiled; the line at fault is named above."
}

browser() {
  chromium_there && return 0
  say "Installing Chromium for the browser tests"
  .venv/bin/playwright install chromium || fail \
    "No Chromium for the browser tests. Install chromium or google-chrome with the system's packages."
}

system_packages
python_packages
page_assets
translations
[ "$mode" != test ] || browser
