#!/bin/sh
# Lays out an exchange on a host: user, directories, programs, man pages, completions, unit, a configuration to change.
# Does it again without harm: programs, pages and unit are replaced, the configuration and the data never are.
#
# Usage: install.sh [--root DIR] [--prefix DIR] [--from DIR] [--uninstall]
set -eu

root=""
prefix=/usr/local
here=$(cd "$(dirname "$0")" && pwd)
from=$here/../../target/release
verb=install

usage() {
    cat <<'TEXT'
Usage: install.sh [--root DIR] [--prefix DIR] [--from DIR] [--uninstall]
  --root DIR    install below DIR instead of the host's own root: for packages, images and tests; makes no user
  --prefix DIR  where programs and pages go, /usr/local unless said otherwise
  --from DIR    where the built programs are, target/release unless said otherwise
  --uninstall   remove programs, pages and unit; the configuration, the data and the user stay
Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong
TEXT
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

while [ $# -gt 0 ]; do
    case $1 in
        --root | --prefix | --from)
            [ $# -ge 2 ] || fail "$1 needs a directory" 2
            case $1 in
                --root) root=${2%/} ;;
                --prefix) prefix=${2%/} ;;
                --from) from=$2 ;;
            esac
            shift
            ;;
        --uninstall) verb=uninstall ;;
        --help | -h)
            usage
            exit 0
            ;;
        *)
            usage >&2
            fail "unknown: $1" 2
            ;;
    esac
    shift
done
case $prefix in
    /*) ;;
    *) fail "--prefix must be an absolute path, not $prefix" 2 ;;
esac

programs="exchange feed-handler client-sim doctor"
unit=$root/etc/systemd/system/exchange.service
# What was installed, one path a line, as seen in the installed system.
manifest=$root$prefix/share/exchange/manifest

is_host() { [ -z "$root" ]; }

# systemd, where it runs this very host.
systemd() {
    if is_host && [ -d /run/systemd/system ]; then
        systemctl "$@"
    fi
}

remove() {
    [ -f "$manifest" ] || fail "nothing is installed: there is no $manifest"
    if is_host && [ -d /run/systemd/system ]; then
        systemctl disable --now exchange.service || fail "the exchange could not be stopped"
    fi
    while IFS= read -r path; do
        rm -f "$root$path"
    done <"$manifest"
    rm -f "$manifest"
    rmdir "$root$prefix/share/exchange" 2>/dev/null || :
    systemd daemon-reload
    printf 'removed. Left as they are: %s, %s, user exchange\n' "$root/etc/exchange" "$root/var/lib/exchange"
}

install_all() {
    for program in $programs; do
        [ -x "$from/$program" ] || fail "$from/$program is not there: cargo build --release --workspace, or --from DIR"
    done
    if is_host; then
        [ "$(id -u)" = 0 ] || fail "needs root, or --root DIR"
        if ! getent passwd exchange >/dev/null; then
            useradd --system --user-group --home-dir /var/lib/exchange --no-create-home --shell /usr/sbin/nologin exchange
        fi
    fi
    mkdir -p "$root$prefix/bin" "$root$prefix/share/exchange" "$root/etc/systemd/system" "$root/etc/exchange" \
        "$root/var/lib/exchange"
    chmod 0750 "$root/etc/exchange"
    chmod 0700 "$root/var/lib/exchange"

    list=$manifest.new
    : >"$list"
    for program in $programs; do
        # Under another name first: a program that runs can not be written to, but it can be replaced.
        cp "$from/$program" "$root$prefix/bin/$program.new"
        chmod 0755 "$root$prefix/bin/$program.new"
        mv -f "$root$prefix/bin/$program.new" "$root$prefix/bin/$program"
        printf '%s\n' "$prefix/bin/$program" >>"$list"
        "$root$prefix/bin/$program" pages --out "$root$prefix" | while IFS= read -r page; do
            printf '%s\n' "${page#"$root"}"
        done >>"$list"
    done

    sed "s|/usr/local/bin/|$prefix/bin/|" "$here/exchange.service" >"$unit.new"
    chmod 0644 "$unit.new"
    mv -f "$unit.new" "$unit"
    printf '%s\n' /etc/systemd/system/exchange.service >>"$list"

    "$root$prefix/bin/exchange" check --print-default >"$root$prefix/share/exchange/exchange.toml"
    printf '%s\n' "$prefix/share/exchange/exchange.toml" >>"$list"
    if [ ! -e "$root/etc/exchange/exchange.toml" ]; then
        cp "$root$prefix/share/exchange/exchange.toml" "$root/etc/exchange/exchange.toml"
        chmod 0640 "$root/etc/exchange/exchange.toml"
    fi
    mv -f "$list" "$manifest"

    if is_host; then
        chown root:exchange /etc/exchange /etc/exchange/exchange.toml
        chown exchange:exchange /var/lib/exchange
    fi
    systemd daemon-reload
    "$root$prefix/bin/exchange" check --config "$root/etc/exchange/exchange.toml" >/dev/null ||
        fail "$root/etc/exchange/exchange.toml is not valid any more: see above"
    cat <<TEXT
installed below ${root:-/}
next:  edit /etc/exchange/exchange.toml: instruments, accounts, and above all the passwords (exchange hash-password)
       exchange check --config /etc/exchange/exchange.toml
       systemctl enable --now exchange
TEXT
}

case $verb in
    install) install_all ;;
    uninstall) remove ;;
esac
