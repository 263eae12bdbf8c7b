#!/bin/sh
# engine-psql.sh [psql options]: psql on the engine's database with the engine's own credentials.
set -eu

conf="${ENGINE_ROOT:-}/etc/ovirt-engine/engine.conf.d/10-setup-database.conf"
[ -r "$conf" ] || { echo "engine-psql.sh: cannot read $conf; run engine-setup first" >&2; exit 1; }

# The file is data: one value is cut out of it, nothing of it is run.
value() {
    sed -n "s/^ENGINE_DB_$1=\"\\(.*\\)\"\$/\\1/p" "$conf" | tail -n 1 | sed 's/\\\(.\)/\1/g'
}

PGHOST=$(value HOST) PGPORT=$(value PORT) PGUSER=$(value USER)
PGPASSWORD=$(value PASSWORD) PGDATABASE=$(value DATABASE)
export PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE
exec "${ENGINE_PG_BIN:-/usr/lib/postgresql/15/bin}/psql" -w -X -v ON_ERROR_STOP=1 "$@"
