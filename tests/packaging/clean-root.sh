#!/usr/bin/env bash
# The life of the package on a machine: installed, started by its unit's line, upgraded, removed, purged. The machine is this one's
# system with nothing of it changed: a file system over it, in a namespace of its own. `clean-root.sh FIRST.deb SECOND.deb`.
set -euo pipefail
first=$(realpath "$1") second=$(realpath "$2")
data=/var/lib/communiconnect

if [ -z "${CLEAN_ROOT:-}" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  CLEAN_ROOT="$work" unshare --mount --pid --fork --kill-child "$0" "$first" "$second"
  exit
fi

say() { echo "--- $*"; }
must() { "$@" || { echo "FAILED: $*" >&2; exit 1; }; }
root="$CLEAN_ROOT/root"
mkdir -p "$root"
mount -t tmpfs none "$CLEAN_ROOT" && mkdir -p "$root" "$CLEAN_ROOT/up" "$CLEAN_ROOT/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$CLEAN_ROOT/up,workdir=$CLEAN_ROOT/work" "$root"
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
cp "$first" "$root/tmp/first.deb"
cp "$second" "$root/tmp/second.deb"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
dpkg_does() { inside dpkg --no-triggers --force-unsafe-io --force-confdef --force-confold "$@" >"$CLEAN_ROOT/dpkg.log" 2>&1 || { cat "$CLEAN_ROOT/dpkg.log" >&2; exit 1; }; }

# Starts what the unit starts, as the user that it names and with the directory that systemd makes: its address in `base`.
start() {
  local unit="$root/lib/systemd/system/communiconnect.service" line mode
  line=$(sed -n 's/^ExecStart=//p' "$unit")
  mode=$(sed -n 's/^StateDirectoryMode=//p' "$unit")
  inside install -d -o communiconnect -g communiconnect -m "$mode" "$data"
  # shellcheck disable=SC2086
  coproc server { exec chroot "$root" setpriv --reuid=communiconnect --regid=communiconnect --init-groups --no-new-privs \
    env -i COMMUNICONNECT_LISTEN=127.0.0.1:0 $line 2>"$CLEAN_ROOT/server.log"; }
  local ready
  IFS= read -r -t 30 ready <&"${server[0]}" || { cat "$CLEAN_ROOT/server.log" >&2; exit 1; }
  base=${ready#ready }
}
stop() { local pid=$server_PID; kill "$pid"; wait "$pid" || true; }
user='{"email": "awa@exemple.sn", "password": "une phrase assez longue"}'

say "installs"
dpkg_does -i /tmp/first.deb
must inside test "$(inside stat -c '%U:%G %a' /etc/communiconnect/communiconnect.toml)" = "root:communiconnect 640"
must inside test "$(inside dpkg-query -W -f '${Status}' communiconnect)" = "install ok installed"
must inside getent passwd communiconnect >/dev/null
must inside systemd-analyze security --offline=true --threshold=15 --no-pager /lib/systemd/system/communiconnect.service >/dev/null
must inside systemd-analyze verify /lib/systemd/system/communiconnect.service
must grep -q '^LimitNOFILE=[0-9]\{5,\}' "$root/lib/systemd/system/communiconnect.service"
for page in communiconnect communiconnect-serve communiconnect-backup; do
  must inside test -s "/usr/share/man/man1/$page.1.gz"
  if command -v man >/dev/null; then must test -z "$(inside man --warnings -E UTF-8 -l -Tutf8 -Z "/usr/share/man/man1/$page.1.gz" 2>&1 >/dev/null)"; fi
done
# Every line of the configuration may be used: what the comment says is what the server takes. Ports and certificates stay out.
inside sh -c "sed -E 's/^#([a-z_]+ = |\[\[)/\1/' /etc/communiconnect/communiconnect.toml | grep -Ev '^(listen|tls|http_listen) ' >/tmp/all.toml"

say "starts by its line"
start
must curl -sf "$base/api/users/register/" -d "$user" >/dev/null
must test "$(inside stat -c '%U %a' "$data")" = "communiconnect 700"
stop

say "is configured, upgraded, and has all that it had"
echo 'patience_s = 300.0' >>"$root/etc/communiconnect/communiconnect.toml"
dpkg_does -i /tmp/second.deb
must grep -q '^patience_s = 300.0' "$root/etc/communiconnect/communiconnect.toml"
must test "$(inside stat -c '%a' /etc/communiconnect/communiconnect.toml)" = 640
start
must curl -sf "$base/api/users/login/" -d "$user" >/dev/null
stop

say "takes every line of its configuration"
cp "$root/tmp/all.toml" "$root/etc/communiconnect/communiconnect.toml"
sed -i 's/^rtmp = .*/rtmp = "127.0.0.1:0"/' "$root/etc/communiconnect/communiconnect.toml"
start
must curl -sf "$base/healthz" >/dev/null
stop

say "is removed, and nothing is lost"
dpkg_does -r communiconnect
must test ! -e "$root/usr/bin/communiconnect"
must test -e "$root/etc/communiconnect/communiconnect.toml"
must test -n "$(inside ls -A "$data")"

say "is purged: what was recorded goes only if that is asked for"
dpkg_does -P communiconnect
must test ! -e "$root/etc/communiconnect"
must test -n "$(inside ls -A "$data")"
dpkg_does -i /tmp/second.deb
echo "communiconnect communiconnect/purge boolean true" | inside debconf-set-selections
dpkg_does -P communiconnect
must test ! -e "$root$data"
say "done"
