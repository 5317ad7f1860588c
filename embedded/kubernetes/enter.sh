#!/bin/sh
# enter.sh COMMAND [ARG...]: runs it in namespaces of its own; see namespaces.ts.
set -eu

case ${1:-} in
  --inside)
    shift
    # The network: loopback, and a bridge that pods are plugged into (see pod-network.ts).
    ip link set lo up
    ip link add bed0 type bridge
    ip address add 10.244.0.1/16 dev bed0
    ip link set bed0 up
    # The files: this machine's, in a root folder of our own, where folders can be made at the top.
    root=/run/root
    mount -t tmpfs tmpfs /run
    mkdir "$root"
    mount -t tmpfs tmpfs "$root" # a mount of its own: some calls want `/` to be one
    for entry in /* /.[!.]*; do
      name=${entry#/}
      case $name in
        run | proc | certs | '.[!.]*') continue ;;
      esac
      if [ -L "$entry" ]; then
        cp -P "$entry" "$root/$name"
      elif [ -d "$entry" ]; then
        mkdir "$root/$name"
        mount --rbind "$entry" "$root/$name"
      fi
    done
    mkdir "$root/run" "$root/run/netns" "$root/proc" "$root/certs"
    mount -t proc proc "$root/proc"
    # Not exec: process 1 has to be one that collects what others leave.
    # shellcheck disable=SC2016  # for the inner shell
    chroot "$root" sh -c 'cd "$1"; shift; "$@"' sh "$PWD" "$@"
    exit
    ;;
  *)
    if [ "$(id -u)" = 0 ]; then user=''; else user='--user --map-root-user'; fi
    # Ends with whoever called it, however that ends.
    # shellcheck disable=SC2086  # words on purpose
    exec setpriv --pdeathsig KILL unshare $user --net --mount --pid --fork --kill-child sh "$0" --inside "$@"
    ;;
esac
