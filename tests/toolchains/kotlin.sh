#!/usr/bin/env bash
# Kotlin's compiler (npm), JUnit and ONNX Runtime's C header (Debian packages, unpacked and not installed), in a
# folder of their own. Nothing of the system's package manager is read or changed, and no root is needed.
#
#   kotlin.sh make      makes it, unless it is there (95 MB)
#   kotlin.sh where     prints its folder; fails with the reason when it is not there
#
# It lives in $EDGEKIT_CACHE/toolchains/kotlin, or ~/.cache/edgekit/toolchains/kotlin. It is made under another name
# and renamed: it is whole, or it is not there. Java (a JDK 17) and a C compiler are the system's.
set -euo pipefail

KOTLIN=2.4.20
SUITE=trixie
VERSION="kotlin $KOTLIN, $SUITE's junit4 and libonnxruntime-dev"

folder="${EDGEKIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgekit}/toolchains/kotlin"

fail() {
  echo "The Kotlin toolchain can't be $1: $2" >&2
  exit 3
}

for tool in javac gcc; do
  command -v "$tool" >/dev/null || fail used "$tool is missing."
done
if [ "$(cat "$folder/version" 2>/dev/null)" = "$VERSION" ]; then
  echo "$folder"
  exit
fi
[ "${1:-}" = make ] || fail used "it is not in $folder. Make it with: make kotlin-toolchain"

for tool in npm apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || fail made "$tool is missing."
done
mirror="${EDGEKIT_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$' || true)}"
[ -n "$mirror" ] || fail made "no Debian mirror is known; set EDGEKIT_DEBIAN_MIRROR."
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || fail made "$keyring is missing; install debian-archive-keyring."

mkdir -p "$(dirname "$folder")"
made="$(mktemp -d "$folder.XXXXXX")"
trap 'rm -rf "$made"' EXIT

npm install --prefix "$made" --ignore-scripts --no-audit --no-fund --loglevel error \
  "kotlin-compiler@$KOTLIN" >&2

# An apt of its own: the machine's lists, packages and settings are neither read nor changed.
apt="$made/apt"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/empty" "$apt/unpacked"
echo "deb [signed-by=$keyring] $mirror $SUITE main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::status "/dev/null";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/empty";
Dir::Etc::preferencesparts "$apt/empty";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
CONF
export APT_CONFIG="$apt/apt.conf"
apt-get update -qq >&2
(cd "$apt" && apt-get download -qq junit4 libhamcrest-java libonnxruntime-dev >&2)
for package in "$apt"/*.deb; do
  dpkg-deb --extract "$package" "$apt/unpacked"
done

mv "$made/node_modules/kotlin-compiler" "$made/compiler"
mkdir "$made/junit" "$made/include"
cp -L "$apt/unpacked/usr/share/java/junit4.jar" "$apt/unpacked/usr/share/java/hamcrest.jar" "$made/junit"
cp "$apt/unpacked/usr/include/onnxruntime/onnxruntime_c_api.h" "$made/include"
rm -rf "$apt" "$made/node_modules" "$made"/package*.json
chmod 755 "$made"
echo "$VERSION" >"$made/version"
rm -rf "$folder"
mv -T "$made" "$folder"
echo "$folder"
