-- The engine database. Names of tables, columns, views and functions are those that a hosted-engine
-- restore and the tools around it use; it is a small part of what a full engine has.

CREATE TABLE schema_version (
    id serial PRIMARY KEY,
    version text NOT NULL UNIQUE,
    script text NOT NULL,
    installed timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vdc_options (
    option_id serial PRIMARY KEY,
    option_name varchar(100) NOT NULL,
    option_value varchar(4000) NOT NULL,
    default_value varchar(4000),
    version varchar(40) NOT NULL DEFAULT 'general',
    UNIQUE (option_name, version)
);

CREATE TABLE dwh_history_timekeeping (
    var_name varchar(50) PRIMARY KEY,
    var_value varchar(255),
    var_datetime timestamptz
);

CREATE TABLE storage_pool (                          -- the data centers
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(40) NOT NULL UNIQUE,
    description varchar(4000) NOT NULL DEFAULT '',
    free_text_comment text NOT NULL DEFAULT '',
    status integer NOT NULL DEFAULT 0,
    is_local boolean NOT NULL DEFAULT false,
    compatibility_version varchar(40) NOT NULL DEFAULT '4.7',
    spm_vds_id uuid,
    _create_date timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE cluster (
    cluster_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(40) NOT NULL UNIQUE,
    description varchar(4000) NOT NULL DEFAULT '',
    free_text_comment text NOT NULL DEFAULT '',
    cpu_name varchar(255),
    architecture varchar(20) NOT NULL DEFAULT 'x86_64',
    storage_pool_id uuid REFERENCES storage_pool (id) ON DELETE SET NULL,
    compatibility_version varchar(40) NOT NULL DEFAULT '4.7',
    virt_service boolean NOT NULL DEFAULT true,
    gluster_service boolean NOT NULL DEFAULT false,
    _create_date timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vds_static (
    vds_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    vds_name varchar(255) NOT NULL UNIQUE,
    vds_unique_id varchar(128),
    host_name varchar(255) NOT NULL,
    port integer NOT NULL DEFAULT 54321,
    ssh_port integer NOT NULL DEFAULT 22,
    ssh_username varchar(255) NOT NULL DEFAULT 'root',
    cluster_id uuid NOT NULL REFERENCES cluster (cluster_id),
    free_text_comment text NOT NULL DEFAULT '',
    hosted_engine_deployed boolean NOT NULL DEFAULT false,
    _create_date timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vds_dynamic (
    vds_id uuid PRIMARY KEY REFERENCES vds_static (vds_id) ON DELETE CASCADE,
    status integer NOT NULL DEFAULT 0,
    cpu_cores integer,
    cpu_model varchar(255),
    physical_mem_mb integer,
    software_version varchar(40),
    host_os varchar(4000)
);

CREATE TABLE vds_statistics (
    vds_id uuid PRIMARY KEY REFERENCES vds_static (vds_id) ON DELETE CASCADE,
    usage_cpu_percent integer,
    usage_mem_percent integer,
    ha_score integer NOT NULL DEFAULT 0,
    ha_configured boolean NOT NULL DEFAULT false,
    ha_active boolean NOT NULL DEFAULT false,
    ha_global_maintenance boolean NOT NULL DEFAULT false,
    ha_local_maintenance boolean NOT NULL DEFAULT false
);

CREATE TABLE storage_server_connections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    connection varchar(250) NOT NULL,
    storage_type integer NOT NULL,
    nfs_version varchar(4),
    mount_options varchar(500)
);

CREATE TABLE storage_domain_static (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    storage varchar(250) NOT NULL,
    storage_name varchar(250) NOT NULL UNIQUE,
    storage_description varchar(4000) NOT NULL DEFAULT '',
    storage_comment text NOT NULL DEFAULT '',
    storage_domain_type integer NOT NULL DEFAULT 1,
    storage_type integer NOT NULL DEFAULT 1,
    storage_domain_format_type varchar(50) NOT NULL DEFAULT '5',
    _create_date timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE storage_domain_dynamic (
    id uuid PRIMARY KEY REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    available_disk_size integer,
    used_disk_size integer
);

CREATE TABLE storage_pool_iso_map (
    storage_id uuid NOT NULL REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    storage_pool_id uuid NOT NULL REFERENCES storage_pool (id) ON DELETE CASCADE,
    status integer NOT NULL DEFAULT 3,
    PRIMARY KEY (storage_id, storage_pool_id)
);

CREATE TABLE vm_static (
    vm_guid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    vm_name varchar(255) NOT NULL,
    description varchar(4000) NOT NULL DEFAULT '',
    free_text_comment text NOT NULL DEFAULT '',
    entity_type varchar(32) NOT NULL DEFAULT 'VM',
    cluster_id uuid REFERENCES cluster (cluster_id),
    mem_size_mb integer NOT NULL,
    num_of_sockets integer NOT NULL DEFAULT 1,
    cpu_per_socket integer NOT NULL DEFAULT 1,
    os integer NOT NULL DEFAULT 0,
    origin integer NOT NULL DEFAULT 3,               -- 6: the hosted engine itself, managed
    auto_startup boolean NOT NULL DEFAULT false,     -- highly available
    delete_protected boolean NOT NULL DEFAULT false,
    bios_type integer NOT NULL DEFAULT 2,
    creation_date timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_vm_static_vm_name ON vm_static (vm_name);

CREATE TABLE vm_dynamic (
    vm_guid uuid PRIMARY KEY REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    status integer NOT NULL DEFAULT 0,               -- 0 down, 1 up
    run_on_vds uuid REFERENCES vds_static (vds_id) ON DELETE SET NULL,
    vm_ip varchar(255),
    vm_host varchar(255),
    last_start_time timestamptz,
    exit_status integer NOT NULL DEFAULT 0,
    exit_message varchar(4000)
);

CREATE TABLE vm_statistics (
    vm_guid uuid PRIMARY KEY REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    cpu_user numeric(18, 3),
    usage_cpu_percent integer,
    usage_mem_percent integer,
    elapsed_time numeric(18, 3)
);

CREATE TABLE snapshots (
    snapshot_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    vm_id uuid NOT NULL REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    snapshot_type varchar(32) NOT NULL,
    status varchar(32) NOT NULL,
    description varchar(4000),
    creation_date timestamptz NOT NULL
);

CREATE TABLE base_disks (
    disk_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    disk_alias varchar(255),
    disk_description varchar(500),
    disk_content_type smallint NOT NULL DEFAULT 0,
    shareable boolean NOT NULL DEFAULT false,
    wipe_after_delete boolean NOT NULL DEFAULT false,
    backup varchar(20) NOT NULL DEFAULT 'None'
);

CREATE TABLE images (
    image_guid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    image_group_id uuid NOT NULL REFERENCES base_disks (disk_id) ON DELETE CASCADE,
    parentid uuid,
    size bigint NOT NULL,
    actual_size bigint NOT NULL DEFAULT 0,
    volume_format integer NOT NULL DEFAULT 4,        -- 4 cow, 5 raw
    volume_type integer NOT NULL DEFAULT 2,          -- 1 preallocated, 2 sparse
    imagestatus integer NOT NULL DEFAULT 1,          -- 1 ok, 2 locked, 4 illegal
    active boolean NOT NULL DEFAULT true,
    vm_snapshot_id uuid,
    creation_date timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_images_image_group_id ON images (image_group_id);

CREATE TABLE image_storage_domain_map (
    image_id uuid NOT NULL REFERENCES images (image_guid) ON DELETE CASCADE,
    storage_domain_id uuid NOT NULL REFERENCES storage_domain_static (id) ON DELETE CASCADE,
    PRIMARY KEY (image_id, storage_domain_id)
);

CREATE TABLE vm_device (
    device_id uuid NOT NULL,
    vm_id uuid NOT NULL REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    type varchar(30) NOT NULL,
    device varchar(30) NOT NULL,
    address varchar(255) NOT NULL DEFAULT '',
    is_managed boolean NOT NULL DEFAULT true,
    is_plugged boolean,
    alias varchar(255) NOT NULL DEFAULT '',
    PRIMARY KEY (device_id, vm_id)
);

CREATE TABLE network (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(256) NOT NULL,
    description varchar(4000),
    vlan_id integer,
    mtu integer NOT NULL DEFAULT 0,
    vm_network boolean NOT NULL DEFAULT true,
    storage_pool_id uuid REFERENCES storage_pool (id) ON DELETE CASCADE
);

CREATE TABLE network_cluster (
    network_id uuid NOT NULL REFERENCES network (id) ON DELETE CASCADE,
    cluster_id uuid NOT NULL REFERENCES cluster (cluster_id) ON DELETE CASCADE,
    status integer NOT NULL DEFAULT 0,
    management boolean NOT NULL DEFAULT false,
    migration boolean NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, cluster_id)
);

CREATE TABLE vm_interface (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(50) NOT NULL,
    vm_guid uuid NOT NULL REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    mac_addr varchar(20),
    type integer NOT NULL DEFAULT 3
);

CREATE TABLE vds_interface (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(50) NOT NULL,
    vds_id uuid NOT NULL REFERENCES vds_static (vds_id) ON DELETE CASCADE,
    network_name varchar(256),
    mac_addr varchar(59),
    addr varchar(20),
    subnet varchar(20),
    speed integer
);

CREATE TABLE users (
    user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(255),
    surname varchar(255),
    domain varchar(255) NOT NULL,
    username varchar(255) NOT NULL,
    email varchar(255),
    last_admin_check_status boolean NOT NULL DEFAULT false,
    external_id text NOT NULL,
    UNIQUE (domain, external_id)
);

CREATE TABLE roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(126) NOT NULL UNIQUE,
    description varchar(4000),
    is_readonly boolean NOT NULL DEFAULT true,
    role_type integer NOT NULL DEFAULT 1
);

CREATE TABLE permissions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    role_id uuid NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    ad_element_id uuid NOT NULL,
    object_id uuid NOT NULL,
    object_type_id integer NOT NULL,
    creation_date bigint
);
CREATE INDEX idx_permissions_object_id ON permissions (object_id);

CREATE TABLE tags (
    tag_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tag_name varchar(50) NOT NULL UNIQUE,
    description varchar(4000)
);

CREATE TABLE tags_vm_map (
    tag_id uuid NOT NULL REFERENCES tags (tag_id) ON DELETE CASCADE,
    vm_id uuid NOT NULL REFERENCES vm_static (vm_guid) ON DELETE CASCADE,
    PRIMARY KEY (tag_id, vm_id)
);

CREATE TABLE audit_log (
    audit_log_id bigserial PRIMARY KEY,
    log_time timestamptz NOT NULL DEFAULT now(),
    log_type_name varchar(100) DEFAULT '',
    log_type integer NOT NULL,
    severity integer NOT NULL,
    message text NOT NULL,
    user_name varchar(255),
    vds_id uuid,
    vds_name varchar(255),
    vm_id uuid,
    vm_name varchar(255),
    storage_pool_id uuid,
    storage_domain_id uuid,
    cluster_id uuid,
    correlation_id varchar(50),
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX idx_audit_log_log_time ON audit_log (log_time);

CREATE TABLE engine_backup_log (
    scope varchar(64) NOT NULL,
    done_at timestamptz NOT NULL,
    is_passed boolean NOT NULL,
    output_message text,
    fqdn varchar(255),
    log_path text,
    PRIMARY KEY (scope, done_at)
);

-- What was going on when the backup was taken. A restore empties these six tables: nobody would ever
-- finish that work.
CREATE TABLE job (
    job_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    action_type varchar(50) NOT NULL,
    description text NOT NULL,
    status varchar(32) NOT NULL,
    owner_id uuid,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    correlation_id varchar(50) NOT NULL
);

CREATE TABLE step (
    step_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    parent_step_id uuid REFERENCES step (step_id) ON DELETE CASCADE,
    job_id uuid NOT NULL REFERENCES job (job_id) ON DELETE CASCADE,
    step_type varchar(32) NOT NULL,
    description text NOT NULL,
    step_number integer NOT NULL,
    status varchar(32) NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz
);

CREATE TABLE command_entities (
    command_id uuid PRIMARY KEY,
    command_type integer NOT NULL,
    root_command_id uuid,
    status varchar(20),
    command_parameters text,
    created_at timestamptz
);

CREATE TABLE async_tasks (
    task_id uuid PRIMARY KEY,
    action_type integer NOT NULL,
    status integer NOT NULL,
    result integer NOT NULL,
    step_id uuid,
    command_id uuid NOT NULL,
    started_at timestamptz,
    storage_pool_id uuid
);

CREATE TABLE async_tasks_entities (
    async_task_id uuid NOT NULL REFERENCES async_tasks (task_id) ON DELETE CASCADE,
    entity_id uuid NOT NULL,
    entity_type varchar(128) NOT NULL,
    PRIMARY KEY (async_task_id, entity_id)
);

CREATE TABLE business_entity_snapshot (
    id uuid PRIMARY KEY,
    command_id uuid NOT NULL,
    command_type varchar(256) NOT NULL,
    entity_id varchar(128),
    entity_type varchar(128),
    entity_snapshot text,
    snapshot_class varchar(128),
    snapshot_type integer,
    insertion_order integer,
    started_at timestamptz
);

CREATE VIEW vms AS
SELECT
    s.vm_guid, s.vm_name, s.description, s.free_text_comment, s.cluster_id, s.mem_size_mb AS vm_mem_size_mb,
    s.num_of_sockets, s.cpu_per_socket, s.num_of_sockets * s.cpu_per_socket AS num_of_cpus,
    s.os AS vm_os, s.origin, s.auto_startup, s.delete_protected, s.bios_type, s.creation_date AS vm_creation_date,
    d.status, d.run_on_vds, d.vm_ip, d.vm_host, h.vds_name AS run_on_vds_name,
    c.name AS cluster_name, c.compatibility_version AS cluster_compatibility_version,
    c.storage_pool_id, p.name AS storage_pool_name
FROM vm_static s
JOIN vm_dynamic d USING (vm_guid)
LEFT JOIN cluster c ON c.cluster_id = s.cluster_id
LEFT JOIN storage_pool p ON p.id = c.storage_pool_id
LEFT JOIN vds_static h ON h.vds_id = d.run_on_vds
WHERE s.entity_type = 'VM';

CREATE VIEW vds AS
SELECT
    s.vds_id, s.vds_name, s.vds_unique_id, s.host_name, s.port, s.ssh_port, s.ssh_username, s.cluster_id,
    s.free_text_comment, s.hosted_engine_deployed,
    d.status, d.cpu_cores, d.cpu_model, d.physical_mem_mb, d.software_version, d.host_os,
    t.usage_cpu_percent, t.usage_mem_percent, t.ha_score, t.ha_configured, t.ha_active,
    t.ha_global_maintenance, t.ha_local_maintenance,
    c.name AS cluster_name, c.compatibility_version AS cluster_compatibility_version,
    c.storage_pool_id, p.name AS storage_pool_name
FROM vds_static s
JOIN vds_dynamic d USING (vds_id)
LEFT JOIN vds_statistics t USING (vds_id)
JOIN cluster c ON c.cluster_id = s.cluster_id
LEFT JOIN storage_pool p ON p.id = c.storage_pool_id;

CREATE VIEW storage_domains AS
SELECT
    s.id, s.storage, s.storage_name, s.storage_description, s.storage_comment, s.storage_domain_type,
    s.storage_type, s.storage_domain_format_type, d.available_disk_size, d.used_disk_size,
    m.storage_pool_id, m.status, p.name AS storage_pool_name
FROM storage_domain_static s
LEFT JOIN storage_domain_dynamic d USING (id)
LEFT JOIN storage_pool_iso_map m ON m.storage_id = s.id
LEFT JOIN storage_pool p ON p.id = m.storage_pool_id;

CREATE FUNCTION deletevm(v_vm_guid uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Its disks stay: they may be shared, and are removed by an action of their own.
    DELETE FROM permissions WHERE object_id = v_vm_guid;
    UPDATE audit_log SET vm_id = NULL WHERE vm_id = v_vm_guid;
    DELETE FROM vm_static WHERE vm_guid = v_vm_guid;
END; $$;

CREATE FUNCTION deletevds(v_vds_id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE vm_dynamic SET run_on_vds = NULL, status = 0 WHERE run_on_vds = v_vds_id;
    UPDATE storage_pool SET spm_vds_id = NULL WHERE spm_vds_id = v_vds_id;
    DELETE FROM permissions WHERE object_id = v_vds_id;
    UPDATE audit_log SET vds_id = NULL WHERE vds_id = v_vds_id;
    DELETE FROM vds_static WHERE vds_id = v_vds_id;
END; $$;

-- Accounts of the internal domain. Passwords are kept as salted scrypt hashes only.
CREATE SCHEMA aaa_jdbc;
CREATE TABLE aaa_jdbc.users (
    id serial PRIMARY KEY,
    uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    name varchar(255) NOT NULL UNIQUE,
    password varchar(255) NOT NULL DEFAULT '',
    password_valid_to timestamptz NOT NULL DEFAULT 'infinity',
    disabled boolean NOT NULL DEFAULT false
);

INSERT INTO schema_version (version, script) VALUES ('04050700', 'engine.sql');
INSERT INTO dwh_history_timekeeping (var_name, var_value, var_datetime) VALUES
    ('lastSync', NULL, '2000-01-01 00:00+00'),
    ('heartBeat', NULL, NULL),
    ('DwhCurrentlyRunning', '0', NULL),
    ('dwhHostname', NULL, NULL);
INSERT INTO roles (id, name, description) VALUES
    ('00000000-0000-0000-0000-000000000001', 'SuperUser', 'Roles management administrator'),
    ('00000000-0000-0000-0001-000000000001', 'UserRole', 'Standard User Role');
INSERT INTO storage_pool (id, name, description) VALUES
    ('5e3b6f52-0000-4000-8000-000000000001', 'Default', 'The default Data Center');
INSERT INTO cluster (cluster_id, name, description, storage_pool_id) VALUES
    ('5e3b6f52-0000-4000-8000-000000000002', 'Default', 'The default server cluster',
     '5e3b6f52-0000-4000-8000-000000000001');
INSERT INTO network (id, name, description, storage_pool_id) VALUES
    ('00000000-0000-0000-0000-000000000009', 'ovirtmgmt', 'Management Network',
     '5e3b6f52-0000-4000-8000-000000000001');
INSERT INTO network_cluster (network_id, cluster_id, status, management, migration) VALUES
    ('00000000-0000-0000-0000-000000000009', '5e3b6f52-0000-4000-8000-000000000002', 1, true, true);
