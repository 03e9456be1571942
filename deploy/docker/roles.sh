#!/bin/bash
# Run once by the database's image on an empty volume: a login role per service that owns a schema of its own name.
set -euo pipefail
for service in analyzer proposer taxlot batch gateway; do
  variable="${service^^}_PASSWORD"
  psql --set ON_ERROR_STOP=1 --set role="$service" --set password="${!variable:?}" --set database="$POSTGRES_DB" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
ALTER ROLE :"role" SET search_path = :"role";
CREATE SCHEMA :"role" AUTHORIZATION :"role";
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"role";
SQL
done
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --command "REVOKE ALL ON SCHEMA public FROM PUBLIC"
