-- What upstream keeps in PostgreSQL (14 or newer) or TimescaleDB: the same schema for the sink `postgres` and for the
-- receiver. Read the view `hushwatt.samples`: one row a sample.

CREATE SCHEMA IF NOT EXISTS hushwatt;

-- A gateway's store counts its records from 1 in a chain of its own; a replaced store begins another one.
CREATE TABLE IF NOT EXISTS hushwatt.chains (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL,
    gateway text NOT NULL,
    chain text NOT NULL,
    kept int8multirange NOT NULL DEFAULT '{}',  -- The records that are here, the empty stretches between them included.
    UNIQUE (site, gateway, chain)
);

-- What the columns of a device's poll mean. Never changed: other columns are another layout.
CREATE TABLE IF NOT EXISTS hushwatt.layouts (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    device text NOT NULL,
    span_s integer NOT NULL,  -- 0: samples as read; else means of so many seconds from `at` on.
    points text[] NOT NULL,
    units text[] NOT NULL
);

-- One row a poll. The key drops what was sent twice.
CREATE TABLE IF NOT EXISTS hushwatt.scans (
    chain integer NOT NULL REFERENCES hushwatt.chains,
    seq bigint NOT NULL,
    layout integer NOT NULL REFERENCES hushwatt.layouts,
    boot integer NOT NULL,  -- Counts the lives of the agent on its store.
    at timestamptz NOT NULL,
    sample_values float8[] NOT NULL,  -- NaN where the device gave none.
    qualities smallint[],  -- 0 good, 64 uncertain, 128 bad (OPC UA); null when all are good.
    PRIMARY KEY (chain, seq, layout)
);
CREATE INDEX IF NOT EXISTS scans_at ON hushwatt.scans USING brin (at);

CREATE TABLE IF NOT EXISTS hushwatt.entries (
    chain integer NOT NULL REFERENCES hushwatt.chains,
    seq bigint NOT NULL,
    boot integer NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (chain, seq)
);

-- Batches that the receiver could not read.
CREATE TABLE IF NOT EXISTS hushwatt.broken (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    subject text NOT NULL,
    reason text NOT NULL,
    payload bytea NOT NULL
);

CREATE OR REPLACE VIEW hushwatt.samples AS
SELECT c.site, c.gateway, s.at, l.device, p.point, nullif(p.value, 'NaN') AS value, p.unit,
       coalesce(p.quality, 0) AS quality, l.span_s, c.chain, s.boot, s.seq
FROM hushwatt.scans s
JOIN hushwatt.chains c ON c.id = s.chain
JOIN hushwatt.layouts l ON l.id = s.layout,
LATERAL unnest(l.points, l.units, s.sample_values, s.qualities) AS p (point, unit, value, quality);
