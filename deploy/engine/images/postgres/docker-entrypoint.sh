#!/bin/bash
# What the published image does with POSTGRES_USER, _PASSWORD, _PASSWORD_FILE, _DB and _INITDB_ARGS, and no more of it.
set -euo pipefail
if [[ ${1:-} == -* ]]; then set -- postgres "$@"; fi
if [[ ${1:-} != postgres ]]; then exec "$@"; fi

if (($(id -u) == 0)); then
  if [[ -n ${POSTGRES_PASSWORD_FILE:-} ]]; then
    POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
    export POSTGRES_PASSWORD
    unset POSTGRES_PASSWORD_FILE
  fi
  install -d -o postgres -g postgres -m 700 "$PGDATA"
  chown -R postgres:postgres "$(dirname "$PGDATA")" "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  user=${POSTGRES_USER:-postgres} database=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
  : "${POSTGRES_PASSWORD:?is not given}"
  # shellcheck disable=SC2086  # several options in one variable
  initdb --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
  if [[ $database != postgres ]]; then
    pg_ctl --wait --options "-c listen_addresses=''" start
    createdb --username "$user" --maintenance-db postgres "$database"
    pg_ctl --wait --mode fast stop
  fi
fi
exec "$@"
