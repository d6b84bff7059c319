#!/bin/sh
# A user for the gate, who reads two tables of the registry: credentials and sensors. Runs at each
# start of compose.scale.yml, after the migrations; a changed password of .env takes effect by it.
set -eu
psql --no-password --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname registry <<'SQL'
\getenv gate_password REGISTRY_GATE_DB_PASSWORD
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_gate') AS missing \gset
\if :missing
CREATE ROLE registry_gate LOGIN;
\endif
ALTER ROLE registry_gate PASSWORD :'gate_password';
GRANT CONNECT ON DATABASE registry TO registry_gate;
GRANT SELECT ON credential, sensor TO registry_gate;
SQL
