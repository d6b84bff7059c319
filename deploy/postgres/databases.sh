#!/bin/sh
# Run by the image at the first start: one database and one owner for each of registry and Airflow,
# and a user for the console, which writes the registry's rows but alters no table: what triggers
# guard, as the audit log, it cannot change. Grafana's user reads the views called board_…, that of the
# HJ 212 gateway who may come in; the registry's migrations grant both. Passwords come from the environment, never by argument.
set -eu
psql --no-password --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv registry_password REGISTRY_DB_PASSWORD
\getenv console_password REGISTRY_CONSOLE_DB_PASSWORD
\getenv grafana_password REGISTRY_GRAFANA_DB_PASSWORD
\getenv gateway_password REGISTRY_GATEWAY_DB_PASSWORD
\getenv airflow_password AIRFLOW_DB_PASSWORD
CREATE ROLE registry LOGIN PASSWORD :'registry_password';
CREATE ROLE registry_console LOGIN PASSWORD :'console_password';
CREATE ROLE registry_grafana LOGIN PASSWORD :'grafana_password';
CREATE ROLE registry_gateway LOGIN PASSWORD :'gateway_password';
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE registry OWNER registry;
CREATE DATABASE airflow OWNER airflow;
REVOKE ALL ON DATABASE registry, airflow, postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE registry TO registry_console, registry_grafana, registry_gateway;
\connect registry
ALTER DEFAULT PRIVILEGES FOR ROLE registry IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO registry_console;
ALTER DEFAULT PRIVILEGES FOR ROLE registry IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO registry_console;
SQL
