#!/bin/sh
# Stands where Envoy Gateway expects the Envoy that it starts as its child, and kills with itself.
#
# In a cluster, proxies outlive their controller and are started again when they end; so here: a keeper of its own
# session runs Envoy, again and again, and this script is only who Envoy Gateway holds on to.
set -u
envoy=${BED_ENVOY:?} keeper=${BED_ENVOY_KEEPER:?} admin=${BED_ENVOY_ADMIN:?}

if [ "${1:-}" = --version ]; then exec "$envoy" --version; fi

address='' last=''
for arg; do
  if [ "$last" = --admin-address-path ]; then address=$arg; fi
  last=$arg
done

if ! { [ -s "$keeper" ] && kill -0 "$(cat "$keeper")" 2>/dev/null; }; then
  # shellcheck disable=SC2016  # for the inner shell
  setsid sh -c 'echo $$ >"$1"; shift; while :; do "$@"; sleep 0.2; done' sh "$keeper" "$envoy" "$@" </dev/null &
  while [ ! -s "$keeper" ]; do sleep 0.05; done
fi
# Where it would write it itself, also when it runs since before.
if [ -n "$address" ]; then printf '%s' "$admin" >"$address"; fi
while kill -0 "$(cat "$keeper")" 2>/dev/null; do sleep 0.2; done
