#!/bin/sh
# Makes a virtual environment with AgentHands in it, exactly as locked. Needs Python 3.12 or later and a package index.
# Usage: deployments/install.sh FOLDER [--dependencies]
#   --dependencies   only what AgentHands needs: neither itself nor what only its developers need
set -eu
folder=$1
only=${2:-}
# Of two at once, the second would clear the environment while the first installs, which then goes into Python itself.
if command -v flock >/dev/null; then
    exec 9<"$0"
    flock 9
fi
cd "$(dirname "$0")/.."

python=
for candidate in ${PYTHON:-} python3.12 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "AgentHands needs Python 3.12 or later, and none was found." >&2
    echo "Install it (pyenv install 3.12, or your system's packages), or name one: PYTHON=/path/to/python make install" >&2
    exit 2
fi

echo "Installing AgentHands into $folder ..." >&2
"$python" -m venv --clear "$folder"
sed -n '/^uv==/,/[^\\]$/p' requirements.lock |
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement /dev/stdin
if [ "$only" = --dependencies ]; then
    "$folder/bin/uv" pip install --quiet --constraint requirements.lock --compile-bytecode \
        --python "$folder/bin/python" --requirements pyproject.toml
    exit
fi
"$folder/bin/uv" pip sync --quiet --require-hashes --compile-bytecode --python "$folder/bin/python" requirements.lock
"$folder/bin/uv" pip install --quiet --no-deps --build-constraints requirements.lock --python "$folder/bin/python" --editable .
