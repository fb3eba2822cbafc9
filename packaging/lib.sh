# shellcheck shell=bash
# Shared by the scripts here: messages, the cache, root file systems. Only sourced. Touches nothing outside the cache.

PROJECT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${GUEST_CACHE:-/var/cache/guestd-build}
# The Debian releases guestd is built for and tested on.
# shellcheck disable=SC2034 # read by those who source this
RELEASES=(bookworm trixie)
# The architectures a release has packages for.
# shellcheck disable=SC2034
ARCHITECTURES=(amd64 arm64)

# The packages of a machine with guests, on minbase.
MACHINE_PACKAGES=(
  systemd systemd-sysv dbus dbus-user-session libpam-systemd libnss-systemd libpam-runtime
  login passwd util-linux util-linux-extra bsdutils procps iproute2 polkitd nodejs
  openssh-server openssh-client at cron tmux sudo pkexec pamtester systemd-container
)
# For the recipes of docs/cookbook.md.
COOKBOOK_PACKAGES=(nftables jq)
# Services that desktops ask to do something for users. Machines get only their polkit actions. All releases have them.
ACTION_PACKAGES=(
  accountsservice blueman bolt colord cups-pk-helper firewalld flatpak fprintd fwupd gnome-control-center-data
  lightdm-gtk-greeter-settings malcontent mate-power-manager modemmanager network-manager packagekit
  power-profiles-daemon realmd rtkit synaptic timeshift udisks2 xfce4-power-manager
)
# Display managers. Machines get only their PAM stacks.
DISPLAY_PACKAGES=(gdm3 greetd lightdm sddm)
# For machines with real display managers: also an X server and a compositor without a screen, a window manager, and
# tools that type, look and take pictures.
DESKTOP_PACKAGES=(
  lightdm lightdm-gtk-greeter slick-greeter sddm greetd accountsservice xvfb xauth openbox sway cage xdotool x11-utils scrot
)
# What guestd is measured against.
BENCH_PACKAGES=(bubblewrap firejail)
XFCE_PACKAGES=(
  xfce4-session xfce4-panel xfdesktop4 xfwm4 xfce4-settings xfce4-notifyd xfce4-terminal thunar libnotify-bin
  adwaita-icon-theme elementary-xfce-icon-theme greybird-gtk-theme desktop-base fonts-dejavu-core librsvg2-common
)
# What boots a machine in qemu with the release's kernel, writes core dumps, and serves homes by NFS
# (test/helpers/full-machine.ts).
KERNEL_PACKAGES=(linux-image-cloud-amd64 initramfs-tools udev kmod apparmor systemd-coredump nfs-kernel-server)
# A whole computer with GNOME: what it boots with, GDM, and what mounts a stick. Its kernel has the drivers of a screen.
SEAT_PACKAGES=(
  linux-image-amd64 initramfs-tools udev kmod apparmor
  gdm3 gnome-shell gnome-session xwayland gjs adwaita-icon-theme udisks2 gvfs gvfs-fuse
  libnotify-bin libglib2.0-bin libgdk-pixbuf2.0-bin
)
# The libraries that guestd is compiled with, in the target's versions.
LIBRARY_PACKAGES=(libpam0g-dev libsystemd-dev libuv1-dev libnode-dev pkgconf)
# What makes and checks Debian packages.
PACKAGER_PACKAGES=(build-essential debhelper po-debconf dconf-cli lintian ccache)
# A machine without guestd: only what one logs in to, and what fetches a repository's key.
PRISTINE_PACKAGES=(systemd systemd-sysv dbus login openssh-server wget)
# What guestd and the demo need there, as archives: that machine has no network.
OFFERED_PACKAGES=(default-dbus-system-bus libnss-systemd libpam-runtime libpam-systemd nodejs polkitd procps iproute2)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# For making or booting root file systems.
need_root() {
  [ "$(id -u)" -eq 0 ] || die "this needs root; run it with sudo: sudo $0 $*"
}

# digest: a short name for the contents of stdin.
digest() { sha256sum | cut -c1-16; }

# mirror_lines RELEASE: sources.list lines from this machine's mirrors. Empty if it has none (a derivative): mmdebstrap
# then uses its default.
mirror_lines() {
  local release=$1 uris archive security
  # shellcheck disable=SC2016 # apt's own variables
  uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sort -u) || return 0
  archive=$(grep -m1 -E '/debian/?$' <<<"$uris") || return 0
  printf 'deb %s %s main\n' "$archive" "$release" "$archive" "$release-updates"
  security=$(grep -m1 -E '/debian-security/?$' <<<"$uris") || return 0
  printf 'deb %s %s main\n' "$security" "$release-security"
}

# root_packages KIND: one a line, for a root of KIND: machine, bench, desktop, xfce, kernel, seat, packager,
# packager-ARCHITECTURE, pristine.
root_packages() {
  case $1 in
    machine) printf '%s\n' "${MACHINE_PACKAGES[@]}" "${COOKBOOK_PACKAGES[@]}" ;;
    bench) printf '%s\n' "${MACHINE_PACKAGES[@]}" "${BENCH_PACKAGES[@]}" ;;
    desktop) printf '%s\n' "${MACHINE_PACKAGES[@]}" "${DESKTOP_PACKAGES[@]}" ;;
    xfce) printf '%s\n' "${MACHINE_PACKAGES[@]}" "${DESKTOP_PACKAGES[@]}" "${XFCE_PACKAGES[@]}" ;;
    kernel) printf '%s\n' "${MACHINE_PACKAGES[@]}" "${KERNEL_PACKAGES[@]}" ;;
    seat) printf '%s\n' "${MACHINE_PACKAGES[@]}" "${SEAT_PACKAGES[@]}" ;;
    packager) printf '%s\n' "${LIBRARY_PACKAGES[@]}" "${PACKAGER_PACKAGES[@]}" ;;
    packager-*)
      printf '%s\n' "${PACKAGER_PACKAGES[@]}" "crossbuild-essential-$(root_foreign "$1")"
      printf "%s:$(root_foreign "$1")\n" "${LIBRARY_PACKAGES[@]}"
      ;;
    pristine) printf '%s\n' "${PRISTINE_PACKAGES[@]}" ;;
    *) die "no such kind of root: $1" ;;
  esac
}

# root_foreign KIND: the root's target architecture, if not its own.
root_foreign() {
  case $1 in
    packager-*) printf '%s\n' "${1#packager-}" ;;
  esac
}

# root_actions KIND: packages of which the root has only polkit actions, one a line.
root_actions() {
  if [ "$1" = machine ]; then printf '%s\n' "${ACTION_PACKAGES[@]}"; fi
}

# root_stacks KIND: packages of which the root has only PAM stacks, one a line.
root_stacks() {
  if [ "$1" = machine ]; then printf '%s\n' "${DISPLAY_PACKAGES[@]}"; fi
}

# root_offers KIND: packages installable there without a network, with dependencies, one a line.
root_offers() {
  if [ "$1" = pristine ]; then printf '%s\n' "${OFFERED_PACKAGES[@]}"; fi
}

# root_path KIND RELEASE: the root's path, which depends on its packages.
root_path() {
  printf '%s/%s-%s-%s\n' "$CACHE" "$1" "$2" \
    "$({ root_packages "$1"; root_actions "$1"; root_stacks "$1"; root_offers "$1"; } | digest)"
}

# ensure_root KIND RELEASE: makes a root unless it is cached. Only a complete one gets its name.
ensure_root() {
  local kind=$1 release=$2 root lock
  root=$(root_path "$kind" "$release")
  mkdir -p "$CACHE"
  exec {lock}>"$CACHE/.lock-$kind-$release"
  flock "$lock"
  if [ ! -d "$root" ]; then
    say "making a Debian $release root ($kind); this happens once"
    make_root "$kind" "$release" "$root"
  fi
  touch "$root"
  exec {lock}>&-
}

# Run by mmdebstrap beside a new root: unpack_folder ROOT FOLDER PACKAGE..., unpacks the packages' FOLDER. Uses archives
# already there.
# shellcheck disable=SC2016 # expanded where it is run
UNPACK_FOLDER='
  root=$1 folder=$2
  shift 2
  [ $# -gt 0 ] || exit 0
  cd "$root/var/cache/apt/archives"
  # The host apt with the sources of the new root.
  APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -o APT::Sandbox::User=root download "$@"
  for package in "$@"; do
    archives=("$package"_*.deb)
    dpkg-deb --fsys-tarfile "${archives[-1]}" \
      | tar -C "$root" --wildcards --no-overwrite-dir -xf - ".$folder/*" \
      || { echo "nothing in $folder of $package" >&2; exit 1; }
  done
'

# Run by mmdebstrap beside a new root: take_offers ROOT PACKAGE..., fetches these with dependencies and recommendations.
# shellcheck disable=SC2016 # expanded where it is run
TAKE_OFFERS='
  shift
  APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q --yes --install-recommends --download-only install "$@"
'

# Run after it: keep_offers ROOT PACKAGE..., removes all other archives.
# shellcheck disable=SC2016 # expanded where it is run
KEEP_OFFERS='
  cd "$1/var/cache/apt/archives"
  shift
  export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
  kept=$(apt-get -q --yes --install-recommends --print-uris -o Dir::Cache::archives=/nowhere/ install "$@" | grep -oE " [^ ]+\.deb ")
  for archive in *.deb; do
    grep -qF " $archive " <<<"$kept" || rm -- "$archive"
  done
'

# make_root KIND RELEASE ROOT: makes it for ensure_root. All mounts end with the private mount namespace.
make_root() {
  local kind=$1 release=$2 root=$3 new packages archives=$CACHE/archives-$2
  new=$(mktemp -d "$CACHE/.new-$kind-$release-XXXXXX")
  chmod 755 "$new"
  mkdir -p "$archives"
  packages=$(root_packages "$kind" | paste -sd,)
  mirror_lines "$release" >"$new.list"
  # An empty list of sources would mean no source, not mmdebstrap's default.
  local -a sources=()
  [ -s "$new.list" ] && sources=("$new.list")
  local -a offers taking=() keeping=(--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*')
  mapfile -t offers < <(root_offers "$kind")
  # Installations need manuals, the lists of packages, and some packages.
  if [ "${#offers[@]}" -gt 0 ]; then
    taking=(--customize-hook="bash -euc '$TAKE_OFFERS' take_offers \"\$1\" ${offers[*]}")
    keeping=(--customize-hook="bash -euc '$KEEP_OFFERS' keep_offers \"\$1\" ${offers[*]}" --skip=cleanup/apt)
  fi
  if ! unshare --mount mmdebstrap --mode=root --variant=minbase --include="$packages" \
    --architectures="$({ dpkg --print-architecture; root_foreign "$kind"; } | paste -sd,)" \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --skip=essential/unlink --setup-hook="mkdir -p \"\$1/var/cache/apt/archives\"" \
    --setup-hook="sync-in '$archives' /var/cache/apt/archives" \
    --customize-hook="bash -euc '$UNPACK_FOLDER' unpack_folder \"\$1\" /usr/share/polkit-1/actions $(root_actions "$kind" | paste -sd' ')" \
    --customize-hook="bash -euc '$UNPACK_FOLDER' unpack_folder \"\$1\" /etc/pam.d $(root_stacks "$kind" | paste -sd' ')" \
    "${taking[@]}" --customize-hook="sync-out /var/cache/apt/archives '$archives'" "${keeping[@]}" \
    --customize-hook="mkdir -p \"\$1/src\"" \
    "$release" "$new" "${sources[@]}" >"$new.log" 2>&1; then
    tail -n 30 "$new.log" >&2
    rm -rf --one-file-system -- "$new"
    die "mmdebstrap could not make $root; its whole log: $new.log"
  fi
  rm -f -- "$new.log" "$new.list" "$archives/lock"
  rm -rf --one-file-system -- "$archives/partial"
  mv -T -- "$new" "$root"
}

# find_package RELEASE: guestd's package made by packaging/package.
find_package() {
  local package
  for package in "$PROJECT/build/packages/$1"/guestd_*.deb; do
    [ -e "$package" ] || die "there is no package for $1; make it: sudo packaging/package --quick $1"
    printf '%s\n' "$package"
  done
}

# in_root ROOT COMMAND...: in a root, with this project at /src, the compilers' cache at /mnt, and private /proc and
# /tmp. The mounts end with a private namespace.
in_root() {
  local root=$1
  shift
  mkdir -p "$CACHE/ccache"
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    root=$1 project=$2 kept=$3
    shift 3
    mount --bind "$project" "$root/src"
    mount --bind "$kept" "$root/mnt"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"
  ' in_root "$root" "$PROJECT" "$CACHE/ccache" "$@"
}

# run_program FILE ARGUMENT...: a TypeScript program that drives test machines. The helpers expect their scripts beside
# them.
run_program() {
  local source=$1 bundle
  bundle=build/$(basename "$1" .ts).mjs
  shift
  node_modules/.bin/esbuild "$source" --bundle --platform=node --format=esm --target=node20 --log-level=warning \
    --define:import.meta.url="\"file://$PROJECT/test/helpers/machine.ts\"" --outfile="$bundle"
  node "$bundle" "$@"
}

# as_releaser COMMAND...: as the user who called sudo, if any: root needs none of their keys.
as_releaser() {
  if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER-}" ]; then
    runuser --user="$SUDO_USER" -- env HOME="$(getent passwd "$SUDO_USER" | cut -d: -f6)" "$@"
  else
    "$@"
  fi
}

# sign HOW...: signs stdin with $KEY. SHA-1 would be refused.
sign() { as_releaser gpg --batch --quiet --armor --digest-algo=SHA512 --local-user="$KEY" "$@"; }

# check_key: checks early that $KEY can sign, and asks for its passphrase on this terminal.
check_key() {
  command -v gpg >/dev/null || die "gpg is missing; run packaging/bootstrap first"
  if tty -s; then
    GPG_TTY=$(tty)
    export GPG_TTY
  fi
  sign --detach-sign </dev/null >/dev/null || die "gpg cannot sign with the key $KEY; gpg --list-secret-keys lists yours"
}

key_fingerprint() { as_releaser gpg --batch --with-colons --list-keys "$KEY" | awk -F: '$1 == "fpr" { print $10; exit }'; }
