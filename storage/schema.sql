-- The embedded store. A file of an older version is brought up to this by `embedded.MIGRATIONS`.
-- One row a reading: its values as packed float64 (little-endian, NaN = missing) in the order of its
-- layout's parameters, its quality codes as packed int16, NULL when all are good.
CREATE TABLE sensor (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE layout (no INTEGER PRIMARY KEY, parameters TEXT NOT NULL UNIQUE);
CREATE TABLE reading (
    sensor INTEGER NOT NULL, ts INTEGER NOT NULL, layout INTEGER NOT NULL,
    vals BLOB NOT NULL, quality BLOB,
    PRIMARY KEY (sensor, ts)
) WITHOUT ROWID;
-- The newest reading of each layout that a sensor uses: where `latest` looks.
CREATE TABLE newest (
    sensor INTEGER NOT NULL, layout INTEGER NOT NULL, ts INTEGER NOT NULL,
    PRIMARY KEY (sensor, layout)
) WITHOUT ROWID;
CREATE TABLE revision (
    sensor INTEGER NOT NULL, ts INTEGER NOT NULL, layout INTEGER NOT NULL,
    vals BLOB NOT NULL, quality BLOB, replaced INTEGER NOT NULL
);
CREATE INDEX revision_ts ON revision (ts);
CREATE TABLE account (
    sensor TEXT NOT NULL, hour INTEGER NOT NULL,
    received INTEGER NOT NULL, stored INTEGER NOT NULL,
    duplicate INTEGER NOT NULL, dead_lettered INTEGER NOT NULL,
    PRIMARY KEY (hour, sensor)
) WITHOUT ROWID;
-- Hours whose observations changed since they were settled. version comes from the counter.
CREATE TABLE pending (hour INTEGER PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE counter (value INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
CREATE TABLE aggregate (
    period TEXT NOT NULL, start INTEGER NOT NULL, level TEXT NOT NULL, subject TEXT NOT NULL,
    parameter TEXT NOT NULL,
    value REAL, minimum REAL, maximum REAL, count INTEGER NOT NULL, expected INTEGER NOT NULL,
    completeness REAL NOT NULL, valid INTEGER NOT NULL, reason TEXT NOT NULL, method TEXT NOT NULL,
    edition TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (period, start, level, subject, parameter)
) WITHOUT ROWID;
CREATE INDEX aggregate_subject ON aggregate (period, level, subject, start);
PRAGMA user_version = 2;
