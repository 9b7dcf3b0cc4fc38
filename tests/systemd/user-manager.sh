#!/bin/bash
# A real `systemd --user` for a user of its own, in namespaces of its own: user-manager.sh FOLDER USER-ID
#
# FOLDER/home, which must be there, is the user's. Prints `ready PID`, with the PID under which nsenter(1) finds the
# namespaces, and `journal` after it where there is one, and ends everything when its standard input ends. Outside FOLDER
# it makes one cgroup, and removes it.
# Status 77: this system does not let it.
set -euo pipefail

main() {
  place=$1 user=$2
  hierarchy=/sys/fs/cgroup
  # Where version 1 is still there, version 2 has a folder of its own.
  [ ! -d "$hierarchy/unified" ] || hierarchy=$hierarchy/unified
  [ "$(stat -fc %T "$hierarchy")" = cgroup2fs ] || cannot "there is no cgroup hierarchy of version 2"
  group=$hierarchy/tokend-test-$$
  mkdir "$group" || cannot "no cgroup can be made"
  trap clean EXIT
  trap 'exit 1' TERM INT HUP

  grep -v "^tester:" /etc/passwd >"$place/passwd"
  echo "tester:x:$user:$user::$place/home:/bin/sh" >>"$place/passwd"
  grep -v "^tester:" /etc/group >"$place/group"
  echo "tester:x:$user:" >>"$place/group"
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --fork --kill-child --cgroup --mount-proc bash "$0" "$place" "$user" inside
  ) </dev/null >"$place/manager.log" 2>&1 &

  for _ in $(seq 200); do
    first=$(head -n 1 "$group/init/cgroup.procs" 2>/dev/null || true)
    if [ -n "$first" ] && nsenter --target "$first" --mount --pid --cgroup \
      setpriv --reuid "$user" --regid "$user" --clear-groups env -i "XDG_RUNTIME_DIR=/run/user/$user" \
      systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded'; then
      echo "ready $first $(cat "$place/has-journal" 2>/dev/null || true)"
      # Until whoever started this ends.
      cat >/dev/null
      return
    fi
    kill -0 $! 2>/dev/null || break
    sleep 0.05
  done
  cat "$place/manager.log" >&2
  cannot "the manager does not start"
}

# Inside the namespaces, as their first process: what ends with it is everything.
inside() {
  place=$1 user=$2
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 tmpfs /run
  # By this sd_booted(3) knows systemd.
  mkdir -p /run/systemd/system /run/user
  install -d -m 0700 -o "$user" -g "$user" "/run/user/$user"
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount --bind "$place/passwd" /etc/passwd
  mount --bind "$place/group" /etc/group
  # Where a real one has it: by this path the journal knows whose unit has said something.
  local own=/sys/fs/cgroup/user.slice/user-$user.slice/user@$user.service
  mkdir -p /sys/fs/cgroup/init /sys/fs/cgroup/journal "$own"
  chown -R "$user:$user" "$own"
  local target=console
  if journal; then
    target=journal
    echo journal >"$place/has-journal"
  fi
  (
    echo "$BASHPID" >"$own/cgroup.procs"
    exec setpriv --reuid "$user" --regid "$user" --clear-groups env -i "HOME=$place/home" USER=tester LOGNAME=tester \
      SHELL=/bin/sh PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 "XDG_RUNTIME_DIR=/run/user/$user" \
      "SYSTEMD_LOG_TARGET=$target" /usr/lib/systemd/systemd --user
  ) &
  # Last: from here on it can be found.
  echo $$ >/sys/fs/cgroup/init/cgroup.procs
  wait
}

# A journal of this namespace alone, of which `journalctl --user` shows the user theirs. It keeps it as a persistent one
# would be, since only that is divided by users; the folder is in memory all the same.
journal() {
  [ -x /usr/lib/systemd/systemd-journald ] && [ -e /etc/machine-id ] || return 1
  mkdir -p "$place/log" /run/systemd/journald.conf.d
  mount -t tmpfs -o mode=755 tmpfs /var/log
  mkdir /var/log/journal
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$place/machine-id"
  mount --bind "$place/machine-id" /etc/machine-id
  printf '[Journal]\n%s\n' Storage=persistent Audit=no ReadKMsg=no RateLimitIntervalSec=0 SystemMaxUse=64M \
    >/run/systemd/journald.conf.d/test.conf
  mkdir -p /run/systemd/journal
  touch /run/systemd/journal/flushed
  (
    echo "$BASHPID" >/sys/fs/cgroup/journal/cgroup.procs
    exec /usr/lib/systemd/systemd-journald
  ) &
  for _ in $(seq 100); do
    [ -S /run/systemd/journal/stdout ] && return
    kill -0 $! 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

clean() {
  set +e
  local first
  first=$(head -n 1 "$group/init/cgroup.procs" 2>/dev/null)
  [ -z "$first" ] || kill -KILL "$first"
  # Before it could be found: unshare(1) takes its child with it.
  kill -KILL $! 2>/dev/null
  # The shell remarks that it was killed.
  { wait; } 2>/dev/null
  for _ in $(seq 100); do
    grep -q "populated 0" "$group/cgroup.events" && break
    sleep 0.05
  done
  find "$group" -depth -type d -exec rmdir {} +
}

cannot() {
  echo "$1" >&2
  exit 77
}

case ${3:-} in
inside) inside "$@" ;;
*) main "$@" ;;
esac
