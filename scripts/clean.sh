#!/usr/bin/env bash
# Remove what set-up and runs made in this folder. A database is only removed after a yes.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp) # where the database really is: not under var/ when that is closed to its account
trap 'rm -f "$place"' EXIT
if [ -x .venv/bin/gridserve ] && [ -d var ]; then
  # A server that still runs would go on writing into a folder that is gone.
  if ! .venv/bin/python -c '
import sys
from pathlib import Path
from gridserve.local import Local
here = Local(Path("var"))
print(here.places.base if here.made() else "")
sys.exit(any(here.running().values()))' >"$place"; then
    echo "GridServe is running here: stop it first (Ctrl-C where it runs)." >&2
    exit 1
  fi
fi
if [ -d var ]; then
  answer=${YES:+y}
  if [ -z "$answer" ]; then
    read -r -p "Remove var/ with its database, photos and keys? [y/N] " answer || true
  fi
  case $answer in
  y | Y | yes)
    elsewhere=$(cat "$place")
    case $elsewhere in
    /var/lib/gridserve/?*) rm -rf "$elsewhere" && echo "Removed $elsewhere" ;;
    esac
    rm -rf var && echo "Removed var/"
    ;;
  *) echo "Kept var/" ;;
  esac
fi
rm -rf .venv node_modules gridserve/static/vendor build dist ./*.egg-info \
  .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
find gridserve grids visits maps migrations tests -name __pycache__ -prune -exec rm -rf {} +
find gridserve/translations -name '*.mo' -delete 2>/dev/null || true
echo "Removed .venv, node_modules, page assets and caches"
