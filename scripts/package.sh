#!/usr/bin/env bash
# Makes what operators install, in target/package/, of the release binary (built first, unless another is given).
#   scripts/package.sh deb     a package for Debian and its like
#   scripts/package.sh sbom    what is in it: CycloneDX 1.5, of Cargo.lock and package-lock.json
#   scripts/package.sh sums    SHA256SUMS of all that is there
# PACKAGE_BIN: this binary. PACKAGE_VERSION: another version than that of Cargo.toml. PACKAGE_OUT: another folder.
# PACKAGE_COMPRESSION: of dpkg-deb (none is quick).
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
out="${PACKAGE_OUT:-$target/package}"
version="${PACKAGE_VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)}"

binary() {
  if [ -n "${PACKAGE_BIN:-}" ]; then echo "$PACKAGE_BIN"; return; fi
  npm run build >&2
  cargo build --release --locked --package server >&2
  echo "$target/release/communiconnect"
}

# What of the C library it needs; nothing where it is linked statically.
needs() {
  local newest
  newest=$(grep -aoE 'GLIBC_2\.[0-9]+' "$1" | sort -uV | tail -1 || true)
  [ -z "$newest" ] || printf ', libc6 (>= %s)' "${newest#GLIBC_}"
  if grep -qa 'libgcc_s\.so\.1' "$1"; then printf ', libgcc-s1'; fi
}

# A manual page of what a command says of itself: its first line, then the rest as it stands.
man_page() {
  local program="$1" name="communiconnect${2:+-$2}" help about
  help=$("$program" ${2:+"$2"} --help)
  about=$(head -1 <<<"$help")
  printf '.TH %s 1 "" "CommuniConnect Live %s" ""\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n' \
    "${name^^}" "$version" "$name" "${about%.}"
  tail -n +2 <<<"$help" | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/"
  printf '.fi\n.SH SEE ALSO\nThe documents in /usr/share/doc/communiconnect.\n'
}

deb() {
  local program root architecture
  program=$(binary)
  architecture=$(dpkg --print-architecture)
  root=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$root'" EXIT
  chmod 0755 "$root"
  install -D -m 0755 "$program" "$root/usr/bin/communiconnect"
  strip "$root/usr/bin/communiconnect"
  install -D -m 0644 packaging/communiconnect.service "$root/lib/systemd/system/communiconnect.service"
  install -D -m 0644 packaging/sysusers.conf "$root/usr/lib/sysusers.d/communiconnect.conf"
  install -D -m 0640 packaging/communiconnect.toml "$root/etc/communiconnect/communiconnect.toml"
  install -d "$root/usr/share/doc/communiconnect" "$root/usr/share/man/man1"
  install -m 0644 README.md docs/*.md docs/openapi.json "$root/usr/share/doc/communiconnect/"
  cp packaging/copyright "$root/usr/share/doc/communiconnect/copyright"
  local command
  for command in '' $("$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -v '^help$'); do
    man_page "$program" "$command" | gzip -9n >"$root/usr/share/man/man1/communiconnect${command:+-$command}.1.gz"
  done
  install -d "$root/DEBIAN"
  sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@DEPENDS@/$(needs "$program")/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" packaging/debian/control >"$root/DEBIAN/control"
  install -m 0644 packaging/debian/conffiles packaging/debian/templates "$root/DEBIAN/"
  install -m 0755 packaging/debian/{config,postinst,prerm,postrm} "$root/DEBIAN/"
  (cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
  mkdir -p "$out"
  dpkg-deb --root-owner-group -Z"${PACKAGE_COMPRESSION:-xz}" --build "$root" "$out/communiconnect_${version}_${architecture}.deb"
}

sbom() {
  mkdir -p "$out"
  python3 scripts/sbom.py "$version" >"$out/communiconnect_$version.cdx.json"
  echo "$out/communiconnect_$version.cdx.json"
}

sums() { (cd "$out" && find . -type f -not -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS && cat SHA256SUMS); }

case "${1:-}" in
  deb | sbom | sums) "$1" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
