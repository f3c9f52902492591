# Sourced by ./run, ./test and .ci/run: a Python that fits, an environment, the packages, the system's libraries.
# Everything here may be called again and again; what is already in place costs nothing.

venv=.venv
python=$venv/bin/python
system_packages=(bubblewrap libgl1-mesa-dri libgl1 libegl1 libgles2)
test_packages=(postgresql)

say() { printf '%s\n' "$*" >&2; }

is_root_with_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# The package lists are fetched only when the machine does not know the packages yet.
apt_install() {
    local words
    words=$(mktemp)
    say "Installing system packages: $*"
    { apt_get_install "$@" || { apt-get update -qq && apt_get_install "$@"; }; } </dev/null >"$words" 2>&1 || {
        say "apt-get failed:"
        tail -n 5 "$words" >&2
        rm -f "$words"
        return 1
    }
    rm -f "$words"
}
apt_get_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; }

# A pyenv shim exists for versions that do not run, so each candidate is run before it is believed.
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }
makes_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() {
    local candidate fallback=
    for candidate in ${BATOS_PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if fits "$candidate"; then
            if makes_environments "$candidate"; then
                printf '%s\n' "$candidate"
                return
            fi
            fallback=${fallback:-$candidate}
        fi
    done
    if [ -n "$fallback" ]; then
        is_root_with_apt && apt_install python3-venv "python$(version_of "$fallback")-venv" &&
            makes_environments "$fallback" && { printf '%s\n' "$fallback"; return; }
        say "Python $(version_of "$fallback") cannot make environments here. Type:  sudo apt-get install -y python3-venv"
        return 1
    fi
    say "batos needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it:  BATOS_PYTHON=/path/to/python $0"
    return 1
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# An environment whose interpreter is gone, or that was made for another place, is made anew.
ensure_environment() {
    local base
    if ! fits "$python"; then
        base=$(find_python) || return 1
        say "Making $venv with Python $(version_of "$base")."
        rm -rf "$venv"
        "$base" -m venv "$venv" || return 1
    fi
}

# ensure_installed EXTRA...: batos in the environment, editable, with these extras. A stamp per extra remembers for which
# pyproject.toml, which version and which place it was installed.
ensure_installed() {
    local key extra missing= stamps=$venv/installed
    ensure_environment || return 1
    key="$(cat pyproject.toml batos/__init__.py | sha256sum) $PWD"
    mkdir -p "$stamps"
    for extra in "$@"; do
        [ "$(cat "$stamps/$extra" 2>/dev/null)" = "$key" ] || missing=yes
    done
    [ -n "$missing" ] || return 0
    say "Installing batos and what it needs ($(IFS=,; echo "$*")). The first time this takes a minute or two."
    # Twice quiet: warnings about mirrors are not for the reader, errors still are.
    "$python" -m pip install --quiet --quiet --disable-pip-version-check -e ".[$(IFS=,; echo "$*")]" || {
        say "pip could not install batos; its reason stands above. Nothing else was changed; the same command tries again."
        return 1
    }
    for extra in "$@"; do printf '%s' "$key" >"$stamps/$extra"; done
}

has_library() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -q "$1"; }
has_bubblewrap() { command -v bwrap >/dev/null; }
has_graphics() {
    has_library libGL.so.1 && has_library libEGL.so.1 && has_library libGLESv2.so.2 &&
        { compgen -G '/usr/lib*/dri/*_dri.so' || compgen -G '/usr/lib/*/dri/*_dri.so'; } >/dev/null
}

# The window needs these; everything else works without them, so their absence is said and never stops us.
ensure_system_packages() {
    has_bubblewrap && has_graphics && return 0
    if is_root_with_apt; then
        apt_install "${system_packages[@]}" || true
        has_bubblewrap && has_graphics && return 0
    fi
    has_bubblewrap || say "Left out meanwhile: running the generated window, because bubblewrap, which confines it, is missing."
    has_graphics || say "Left out meanwhile: drawing the window and its picture, because Mesa's OpenGL libraries are missing."
    say "To have it all, type:  sudo apt-get install -y ${system_packages[*]}"
}

# Search by meaning needs the model's weights; without them search goes by words, so their absence never stops us.
ensure_embedding_model() {
    "$venv/bin/batos" memory setup --quiet || say "Left out meanwhile: search by meaning. \`batos memory setup\` tries again."
}

has_postgresql() { command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; } >/dev/null

# The tests start a server of their own and stop it; where they cannot, their part on PostgreSQL is skipped, and says so.
ensure_test_packages() {
    has_postgresql && return 0
    is_root_with_apt && apt_install "${test_packages[@]}" && has_postgresql && return 0
    say "Left out meanwhile: the tests on PostgreSQL, because its server is missing."
    say "To have them too, type:  sudo apt-get install -y ${test_packages[*]}"
}
