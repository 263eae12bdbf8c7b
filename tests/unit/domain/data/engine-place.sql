-- The tables of oVirt 4.5 that tell where the hosted engine is, with most of their columns, and some company for them.
-- The dumps beside this file are of it: pg_dump 15, 16 and 18, --format=custom, -E UTF8 --disable-dollar-quoting
-- --disable-triggers, then xz and base64. 16 and 18 wrote to a pipe, which they cannot seek in.
CREATE FUNCTION deletevm(v_vm_guid uuid) RETURNS void LANGUAGE plpgsql
    AS 'BEGIN DELETE FROM vm_static WHERE vm_guid = v_vm_guid; END;';
CREATE TABLE audit_log (audit_log_id bigserial PRIMARY KEY, log_time timestamptz NOT NULL, message text NOT NULL);
CREATE TABLE storage_pool (
    id uuid PRIMARY KEY, name varchar(40) NOT NULL, description varchar(4000) NOT NULL, storage_pool_type integer,
    storage_pool_format_type varchar(50), status integer NOT NULL, master_domain_version integer NOT NULL,
    spm_vds_id uuid, compatibility_version varchar(40) NOT NULL DEFAULT '2.2', _create_date timestamptz DEFAULT now(),
    _update_date timestamptz, quota_enforcement_type integer, free_text_comment text, is_local boolean,
    managed boolean NOT NULL DEFAULT true
);
CREATE TABLE cluster (
    cluster_id uuid PRIMARY KEY, name varchar(40) NOT NULL, description varchar(4000), cpu_name varchar(255),
    _create_date timestamptz DEFAULT now(), _update_date timestamptz,
    storage_pool_id uuid REFERENCES storage_pool (id) ON DELETE SET NULL, max_vds_memory_over_commit integer NOT NULL,
    compatibility_version varchar(40) NOT NULL DEFAULT '2.2', transparent_hugepages boolean NOT NULL DEFAULT false,
    migrate_on_error integer NOT NULL DEFAULT 1, virt_service boolean NOT NULL DEFAULT true,
    gluster_service boolean NOT NULL DEFAULT false, count_threads_as_cores boolean NOT NULL DEFAULT false,
    emulated_machine varchar(40), trusted_service boolean NOT NULL DEFAULT false, cluster_policy_id uuid,
    cluster_policy_custom_properties text, enable_balloon boolean NOT NULL DEFAULT false, free_text_comment text,
    detect_emulated_machine boolean NOT NULL DEFAULT false, architecture integer NOT NULL DEFAULT 0,
    "position" integer
);
CREATE TABLE vm_static (
    vm_guid uuid PRIMARY KEY, vm_name varchar(255) NOT NULL, mem_size_mb integer NOT NULL, vmt_guid uuid NOT NULL,
    os integer NOT NULL DEFAULT 0, description varchar(4000), cluster_id uuid REFERENCES cluster (cluster_id),
    creation_date timestamptz, num_of_monitors integer NOT NULL, is_initialized boolean,
    num_of_sockets integer NOT NULL DEFAULT 1, cpu_per_socket integer NOT NULL DEFAULT 1,
    usb_policy integer, time_zone varchar(40), auto_startup boolean, is_stateless boolean NOT NULL DEFAULT false,
    fail_back boolean NOT NULL DEFAULT false, default_boot_sequence integer NOT NULL DEFAULT 0,
    vm_type integer NOT NULL DEFAULT 0, nice_level integer NOT NULL DEFAULT 0,
    default_display_type integer NOT NULL DEFAULT 0, priority integer NOT NULL DEFAULT 0, iso_path varchar(4000),
    origin integer DEFAULT 0, initrd_url varchar(4000), kernel_url varchar(4000), kernel_params varchar(4000),
    migration_support integer NOT NULL DEFAULT 0, userdefined_properties varchar(4000),
    predefined_properties varchar(4000), min_allocated_mem integer NOT NULL DEFAULT 0, entity_type varchar(32) NOT NULL,
    child_count integer DEFAULT 0, template_status integer, quota_id uuid, is_disabled boolean NOT NULL DEFAULT false,
    db_generation bigint DEFAULT 1, is_delete_protected boolean DEFAULT false, free_text_comment text,
    instance_type_id uuid, image_type_id uuid, serial_number_policy smallint, custom_serial_number varchar(255)
);
CREATE VIEW hosted_engine AS SELECT vm_name, name FROM vm_static JOIN cluster USING (cluster_id) WHERE origin = 6;
INSERT INTO audit_log (log_time, message)
    SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 minute', 'Event no. ' || n || ' ' || md5(n::text)
    FROM generate_series(1, 20) AS n;
INSERT INTO storage_pool (id, name, description, status, master_domain_version, _create_date)
    SELECT md5('dc ' || name)::uuid, name, E'tab\there, back\\slash, B\u00fcro', 1, 5, '2026-01-01 00:00+00'
    FROM unnest(ARRAY['Default', 'Vienna']) AS name;
INSERT INTO cluster (cluster_id, name, description, storage_pool_id, max_vds_memory_over_commit, _create_date)
    SELECT md5('cluster ' || name)::uuid, name, E'first line\nsecond', md5('dc ' || dc)::uuid, 100, '2026-01-01 00:00+00'
    FROM (VALUES ('Default', 'Vienna'), ('Racks_2', 'Vienna'), ('edge', NULL)) AS t (name, dc);
INSERT INTO vm_static (vm_guid, vm_name, mem_size_mb, vmt_guid, cluster_id, num_of_monitors, origin, entity_type)
    SELECT md5(vm_name)::uuid, vm_name, 4096, md5('Blank')::uuid, md5('cluster ' || cluster)::uuid, 1, origin, kind
    FROM (VALUES ('Blank', NULL, 3, 'TEMPLATE'), ('web-1', 'edge', 3, 'VM'), ('HostedEngine', 'Racks_2', 6, 'VM'),
                 ('imported', 'Default', 0, 'VM'), ('of nobody', 'edge', NULL, 'VM')) AS t (vm_name, cluster, origin, kind);
