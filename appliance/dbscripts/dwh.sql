-- The history database of the Data Warehouse: samples of hosts and virtual machines.

CREATE TABLE schema_version (
    id serial PRIMARY KEY,
    version text NOT NULL UNIQUE,
    script text NOT NULL,
    installed timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE history_configuration (
    var_name varchar(50) PRIMARY KEY,
    var_value varchar(255),
    var_datetime timestamptz
);

CREATE TABLE host_configuration (
    history_id serial PRIMARY KEY,
    host_id uuid NOT NULL,
    host_name varchar(255) NOT NULL,
    cluster_id uuid NOT NULL,
    memory_size_mb integer,
    number_of_cores smallint,
    create_date timestamptz NOT NULL
);

CREATE TABLE vm_configuration (
    history_id serial PRIMARY KEY,
    vm_id uuid NOT NULL,
    vm_name varchar(255) NOT NULL,
    cluster_id uuid NOT NULL,
    memory_size_mb integer,
    number_of_cpus smallint,
    create_date timestamptz NOT NULL
);

CREATE TABLE host_samples_history (
    history_id bigserial PRIMARY KEY,
    history_datetime timestamptz NOT NULL,
    host_id uuid NOT NULL,
    host_status smallint NOT NULL,
    memory_usage_percent smallint,
    cpu_usage_percent smallint,
    active_vms smallint NOT NULL DEFAULT 0,
    minutes_in_status numeric(7, 2) NOT NULL DEFAULT 1
);
CREATE INDEX idx_host_samples_history_datetime ON host_samples_history (history_datetime);

CREATE TABLE vm_samples_history (
    history_id bigserial PRIMARY KEY,
    history_datetime timestamptz NOT NULL,
    vm_id uuid NOT NULL,
    vm_status smallint NOT NULL,
    cpu_usage_percent smallint,
    memory_usage_percent smallint,
    current_host_id uuid,
    minutes_in_status numeric(7, 2) NOT NULL DEFAULT 1
);
CREATE INDEX idx_vm_samples_history_datetime ON vm_samples_history (history_datetime);

CREATE VIEW statistics_vms_resources_usage_samples AS
SELECT history_id, history_datetime, vm_id, vm_status, cpu_usage_percent, memory_usage_percent, current_host_id
FROM vm_samples_history;

INSERT INTO schema_version (version, script) VALUES ('04050700', 'dwh.sql');
INSERT INTO history_configuration (var_name, var_value) VALUES ('MinimalETLVersion', '4.5.7');
