#!/usr/bin/env bash
# A Swift 6 toolchain in a folder of its own: Debian trixie's packages, unpacked without their scripts. Nothing of
# the system's package manager is read or changed, and no root is needed.
#
#   swift.sh make                   makes it, unless it is there (551 MB to fetch, 1.4 GB unpacked)
#   swift.sh where                  prints its folder; fails with the reason when it can't be used
#   swift.sh run FOLDER COMMAND     runs a shell command inside it, in FOLDER (which it sees as /mnt)
#
# It lives in $EDGEKIT_CACHE/toolchains/swift, or ~/.cache/edgekit/toolchains/swift.
set -euo pipefail

cache="${EDGEKIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgekit}/toolchains"
root="$cache/swift"
mirror="${EDGEKIT_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$' || true)}"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages=(swiftlang swiftlang-dev libswiftlang libc6-dev libstdc++-14-dev bash coreutils)
# Cross-compilation, debugging and editors: half of the size, and no part of building and testing.
left_out=('*/embedded/*' '*swift_static*' '*lldb*' '*sourcekit*' '*clangd*' '*docc*'
  './usr/share/doc' './usr/share/man' './usr/share/locale' './usr/share/info')

fail() { echo "The Swift toolchain can't be ${1}: ${2}" >&2; exit 3; }

# The flags with which /proc can be put into the folder, for this user alone; root may need no user namespace.
namespaces() {
  for flags in "--map-root-user" ""; do
    # shellcheck disable=SC2086
    if unshare $flags --mount --pid --fork mount -t proc proc "$root/proc" 2>/dev/null; then
      echo "$flags"
      return
    fi
  done
  return 1
}

usable() {
  [ -e "$root/.ready" ] || fail used "it is not in $root. Make it with: make swift-toolchain"
  flags=$(namespaces) || fail used "this system lets $(id -un) make no namespaces (a container without them, or \
kernel.apparmor_restrict_unprivileged_userns). Run the tests outside the container, or put Swift on PATH."
}

make() {
  [ -e "$root/.ready" ] && { echo "$root"; return; }
  for tool in apt-get dpkg-deb unshare tar; do
    command -v "$tool" >/dev/null || fail made "it needs $tool, from a Debian or Ubuntu system."
  done
  [ -e "$keyring" ] || fail made "$keyring is missing. Install debian-archive-keyring."
  mkdir -p "$cache"
  exec 9>"$cache/swift.lock"
  flock 9
  [ -e "$root/.ready" ] && { echo "$root"; return; } # another process made it meanwhile

  # What a killed process left behind: the downloads are kept, a half unpacked folder is not.
  apt="$cache/swift.apt" making="$cache/swift.making"
  rm -rf "$making"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$making"
  : >"$apt/status"
  [ -n "$mirror" ] || fail made "no Debian mirror is known; set EDGEKIT_DEBIAN_MIRROR."
  echo "deb [signed-by=$keyring] $mirror trixie main" >"$apt/sources.list"
  cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
CONF
  export APT_CONFIG="$apt/apt.conf"
  echo "Fetching Swift's packages (551 MB) …" >&2
  apt-get -qq update >&2
  apt-get -qq install --download-only -y "${packages[@]}" >&2
  echo "Unpacking them …" >&2
  for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar x -C "$making" --no-same-owner "${left_out[@]/#/--exclude=}"
  done
  mkdir -p "$making/mnt" "$making/proc" "$making/dev" "$making/tmp"
  [ -x "$making/usr/libexec/swift/bin/swift" ] || fail made "the packages hold no Swift compiler any more."
  touch "$making/.ready"
  rm -rf "$root"
  mv "$making" "$root"
  rm -rf "$apt"
  echo "$root"
}

run() {
  usable
  # shellcheck disable=SC2086,SC2016
  exec unshare $flags --mount --pid --fork bash -c '
    set -e
    mount -t proc proc "$0/proc"
    mount --rbind /dev "$0/dev"
    mount --bind "$1" "$0/mnt"
    cd /
    exec chroot "$0" /usr/bin/env -i HOME=/tmp LANG=C.UTF-8 PATH=/usr/libexec/swift/bin:/usr/bin:/bin \
      bash -c "cd /mnt && $2"
  ' "$root" "$1" "$2"
}

case "${1:-}" in
  make) make ;;
  where) usable && echo "$root" ;;
  run) [ $# -eq 3 ] || fail used "say: swift.sh run FOLDER COMMAND"; run "$2" "$3" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
