-- The history of the same company: samples of its hosts and virtual machines.
SELECT setseed(0.2424);
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.id(what text) RETURNS uuid LANGUAGE sql IMMUTABLE AS 'SELECT md5(what)::uuid';
CREATE FUNCTION pg_temp.day() RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2026-06-01 00:00+00' $$;

INSERT INTO host_configuration (host_id, host_name, cluster_id, memory_size_mb, number_of_cores, create_date)
SELECT pg_temp.id('host ' || n), 'host' || n || '.example.test', pg_temp.id('cluster ' || (n - 1) / 3), 262144, 32, pg_temp.day() - interval '800 days'
FROM generate_series(1, 15) AS n;
INSERT INTO vm_configuration (vm_id, vm_name, cluster_id, memory_size_mb, number_of_cpus, create_date)
SELECT pg_temp.id('vm ' || n), 'vm' || n, pg_temp.id('cluster ' || n % 5), 4096, 2, pg_temp.day() - interval '600 days'
FROM generate_series(1, 300) AS n;

INSERT INTO host_samples_history (history_datetime, host_id, host_status, memory_usage_percent, cpu_usage_percent, active_vms)
SELECT pg_temp.day() - minute * interval '5 minutes', pg_temp.id('host ' || n), 1, 40 + (random() * 40)::integer, (random() * 90)::integer, 15 + (random() * 6)::integer
FROM generate_series(1, 3000) AS minute CROSS JOIN generate_series(1, 15) AS n;
INSERT INTO vm_samples_history (history_datetime, vm_id, vm_status, cpu_usage_percent, memory_usage_percent, current_host_id)
SELECT pg_temp.day() - minute * interval '10 minutes', pg_temp.id('vm ' || n), 1, (random() * 90)::integer, 30 + (random() * 60)::integer,
       pg_temp.id('host ' || 1 + (n + minute / 100) % 15)
FROM generate_series(1, 600) AS minute CROSS JOIN generate_series(1, 300) AS n;
UPDATE history_configuration SET var_datetime = pg_temp.day() WHERE var_name = 'MinimalETLVersion';
