#!/bin/sh
# Run by the image at the first start, and by hand after an upgrade or a changed password of .env:
#   docker compose exec postgres sh /docker-entrypoint-initdb.d/10-databases.sh
# One database and one owner for each of registry and Airflow, and a user for each service. The owner of
# the registry migrates it and is used for nothing else. What ingest and the DAGs may do, table by
# table, the migration gives (registry/grants.yaml); the console writes every row and alters no
# table, so what triggers guard, as the audit log, it cannot change; Grafana reads the views called
# board_…, the HJ 212 gateway who may come in. Passwords come from the environment, never by argument.
set -eu
psql --no-password --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv registry_password REGISTRY_DB_PASSWORD
\getenv ingest_password REGISTRY_INGEST_DB_PASSWORD
\getenv dags_password REGISTRY_DAGS_DB_PASSWORD
\getenv console_password REGISTRY_CONSOLE_DB_PASSWORD
\getenv grafana_password REGISTRY_GRAFANA_DB_PASSWORD
\getenv gateway_password REGISTRY_GATEWAY_DB_PASSWORD
\getenv airflow_password AIRFLOW_DB_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', name)
    FROM unnest(ARRAY['registry', 'registry_ingest', 'registry_dags', 'registry_console',
        'registry_grafana', 'registry_gateway', 'airflow']) AS name
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE registry PASSWORD :'registry_password';
ALTER ROLE registry_ingest PASSWORD :'ingest_password';
ALTER ROLE registry_dags PASSWORD :'dags_password';
ALTER ROLE registry_console PASSWORD :'console_password';
ALTER ROLE registry_grafana PASSWORD :'grafana_password';
ALTER ROLE registry_gateway PASSWORD :'gateway_password';
ALTER ROLE airflow PASSWORD :'airflow_password';
SELECT format('CREATE DATABASE %I OWNER %I', name, name)
    FROM unnest(ARRAY['registry', 'airflow']) AS name
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
REVOKE ALL ON DATABASE registry, airflow, postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE registry
    TO registry_ingest, registry_dags, registry_console, registry_grafana, registry_gateway;
\connect registry
ALTER DEFAULT PRIVILEGES FOR ROLE registry IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO registry_console;
ALTER DEFAULT PRIVILEGES FOR ROLE registry IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO registry_console;
SQL
