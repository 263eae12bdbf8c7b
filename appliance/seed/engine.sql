-- A believable company of one fixed shape: run twice it gives the same rows.
-- Identifiers are md5 sums of readable names, times count from one fixed day, random() has a fixed seed.
SELECT setseed(0.4242);
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.id(what text) RETURNS uuid LANGUAGE sql IMMUTABLE AS 'SELECT md5(what)::uuid';
CREATE FUNCTION pg_temp.day() RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2026-06-01 00:00+00' $$;

INSERT INTO storage_pool (id, name, description, status, compatibility_version, _create_date)
SELECT pg_temp.id('dc ' || name), name, about, 1, '4.7', pg_temp.day() - interval '900 days'
FROM (VALUES ('Vienna', 'Head office'), ('Brno', 'Development and tests'), ('Edge', 'Branch offices')) AS t (name, about);
UPDATE storage_pool SET status = 1, _create_date = pg_temp.day() - interval '1000 days' WHERE name = 'Default';

INSERT INTO cluster (cluster_id, name, description, cpu_name, storage_pool_id, compatibility_version, _create_date)
SELECT pg_temp.id('cluster ' || name), name, about, cpu, pg_temp.id('dc ' || dc), '4.7', pg_temp.day() - interval '890 days'
FROM (VALUES ('vienna-intel', 'Production', 'Intel Icelake Server Family', 'Vienna'),
             ('vienna-amd', 'Databases', 'AMD EPYC', 'Vienna'),
             ('brno', 'Build machines', 'Intel Cascadelake Server Family', 'Brno'),
             ('edge', 'Small sites', 'Intel Skylake Client Family', 'Edge')) AS t (name, about, cpu, dc);
UPDATE cluster SET cpu_name = 'Intel Icelake Server Family', _create_date = pg_temp.day() - interval '1000 days' WHERE name = 'Default';

CREATE TEMPORARY TABLE clusters AS
SELECT cluster_id, name, storage_pool_id, (row_number() OVER (ORDER BY name) - 1)::integer AS place FROM cluster;

-- Hosts: the three of the Default cluster can run the hosted engine.
INSERT INTO vds_static (vds_id, vds_name, vds_unique_id, host_name, cluster_id, hosted_engine_deployed, _create_date)
SELECT pg_temp.id('host ' || n), 'host' || n || '.example.test', upper(pg_temp.id('machine ' || n)::text),
       'host' || n || '.example.test', c.cluster_id, c.name = 'Default', pg_temp.day() - (800 - n) * interval '1 day'
FROM generate_series(1, 15) AS n JOIN clusters c ON c.place = (n - 1) / 3;
INSERT INTO vds_dynamic (vds_id, status, cpu_cores, cpu_model, physical_mem_mb, software_version, host_os)
SELECT vds_id, 3, 32, 'Intel(R) Xeon(R) Gold 6330', 262144, '4.50.5', 'RHEL - 9.4 - 1.el9' FROM vds_static;
INSERT INTO vds_statistics (vds_id, usage_cpu_percent, usage_mem_percent, ha_score, ha_configured, ha_active)
SELECT vds_id, (random() * 70)::integer, (random() * 80)::integer, CASE WHEN hosted_engine_deployed THEN 3400 ELSE 0 END,
       hosted_engine_deployed, hosted_engine_deployed
FROM vds_static ORDER BY vds_name;
INSERT INTO vds_interface (id, name, vds_id, network_name, mac_addr, addr, subnet, speed)
SELECT pg_temp.id('nic ' || vds_name), 'eno1', vds_id, 'ovirtmgmt', '52:54:00:aa:00:' || lpad(to_hex(row_number() OVER (ORDER BY vds_name)::integer), 2, '0'),
       '192.0.2.' || 10 + row_number() OVER (ORDER BY vds_name), '255.255.255.0', 25000
FROM vds_static;
UPDATE storage_pool p SET spm_vds_id = (
    SELECT v.vds_id FROM vds_static v JOIN cluster c USING (cluster_id) WHERE c.storage_pool_id = p.id ORDER BY v.vds_name LIMIT 1);

-- Storage: one domain still has the name that a new hosted engine wants.
INSERT INTO storage_server_connections (id, connection, storage_type, nfs_version)
SELECT pg_temp.id('connection ' || n), 'nas' || n || '.example.test:/exports/vm' || n, 1, '4'
FROM generate_series(0, 8) AS n;
INSERT INTO storage_domain_static (id, storage, storage_name, storage_description, storage_domain_type, storage_type, _create_date)
SELECT pg_temp.id('domain ' || n), pg_temp.id('connection ' || n)::text,
       CASE n WHEN 0 THEN 'hosted_storage' WHEN 1 THEN 'default-master' ELSE 'data' || n END,
       CASE n WHEN 0 THEN 'Hosted engine' ELSE 'Virtual machines' END, CASE WHEN n % 2 = 1 THEN 0 ELSE 1 END, 1,
       pg_temp.day() - interval '700 days'
FROM generate_series(0, 8) AS n;
INSERT INTO storage_domain_dynamic (id, available_disk_size, used_disk_size)
SELECT id, 1000 + (random() * 4000)::integer, 200 + (random() * 900)::integer FROM storage_domain_static ORDER BY storage_name;
INSERT INTO storage_pool_iso_map (storage_id, storage_pool_id, status)
SELECT pg_temp.id('domain ' || n), p.id, 3
FROM generate_series(0, 8) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY name = 'Default' DESC, name) - 1 AS k FROM storage_pool) p ON p.k = n / 2 % 4;

INSERT INTO network (id, name, description, vlan_id, mtu, storage_pool_id)
SELECT pg_temp.id('network ' || p.name || n), 'vlan' || 100 + n, 'Tenant network ' || n, 100 + n, 1500, p.id
FROM storage_pool p CROSS JOIN generate_series(1, 8) AS n;
INSERT INTO network_cluster (network_id, cluster_id, status)
SELECT n.id, c.cluster_id, 1 FROM network n JOIN cluster c USING (storage_pool_id) WHERE n.name <> 'ovirtmgmt';

-- The hosted engine itself, and the virtual machines it manages.
INSERT INTO vm_static (vm_guid, vm_name, description, cluster_id, mem_size_mb, num_of_sockets, origin, delete_protected, creation_date)
SELECT pg_temp.id('vm engine'), 'HostedEngine', 'Hosted Engine Virtual Machine', cluster_id, 16384, 4, 6, true, pg_temp.day() - interval '700 days'
FROM cluster WHERE name = 'Default';
INSERT INTO vm_static (vm_guid, vm_name, description, cluster_id, mem_size_mb, num_of_sockets, cpu_per_socket, auto_startup, creation_date)
SELECT pg_temp.id('vm ' || n), (ARRAY['web', 'db', 'mail', 'build', 'desk'])[1 + n % 5] || lpad(n::text, 3, '0'),
       'Virtual machine no. ' || n || (ARRAY[E'', E' \u2013 B\u00fcro', E' "quoted"', E' back\\slash'])[1 + n % 4], c.cluster_id,
       1024 * (1 + (random() * 15)::integer), 1 + n % 4, 1 + n % 2, n % 3 = 0, pg_temp.day() - (600 - n) * interval '1 day'
FROM generate_series(1, 300) AS n JOIN clusters c ON c.place = n / 7 % 5;
INSERT INTO vm_dynamic (vm_guid, status, run_on_vds, vm_ip, vm_host, last_start_time)
SELECT s.vm_guid, CASE WHEN up THEN 1 ELSE 0 END, CASE WHEN up THEN h.vds_id END,
       CASE WHEN up THEN '198.51.100.' || k % 250 END, s.vm_name || '.example.test', pg_temp.day() - interval '3 days'
FROM (SELECT *, origin = 6 OR random() < 0.8 AS up, row_number() OVER (ORDER BY vm_name) AS k
      FROM (SELECT * FROM vm_static ORDER BY vm_name) o) s
JOIN LATERAL (SELECT vds_id FROM vds_static v WHERE v.cluster_id = s.cluster_id ORDER BY md5(v.vds_name || s.vm_name) LIMIT 1) h ON true;
INSERT INTO vm_statistics (vm_guid, cpu_user, usage_cpu_percent, usage_mem_percent, elapsed_time)
SELECT vm_guid, round((random() * 90)::numeric, 3), (random() * 90)::integer, (random() * 90)::integer, round((random() * 1e6)::numeric, 3)
FROM vm_static ORDER BY vm_name;
INSERT INTO vm_interface (id, name, vm_guid, mac_addr)
SELECT pg_temp.id('vnic ' || vm_name), 'nic1', vm_guid, '56:6f:00:00:' || lpad(to_hex((k / 256)::integer), 2, '0') || ':' || lpad(to_hex((k % 256)::integer), 2, '0')
FROM (SELECT vm_name, vm_guid, row_number() OVER (ORDER BY vm_name) AS k FROM vm_static) t;
INSERT INTO snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date)
SELECT pg_temp.id('snapshot ' || vm_name), vm_guid, 'ACTIVE', 'OK', 'Active VM', creation_date FROM vm_static;

INSERT INTO base_disks (disk_id, disk_alias, disk_description, backup)
SELECT pg_temp.id('disk ' || vm_name), CASE origin WHEN 6 THEN 'he_virtio_disk' ELSE vm_name || '_Disk1' END,
       CASE origin WHEN 6 THEN 'Hosted-Engine disk' ELSE '' END, CASE WHEN auto_startup THEN 'Incremental' ELSE 'None' END
FROM vm_static;
INSERT INTO images (image_guid, image_group_id, size, actual_size, vm_snapshot_id, creation_date)
SELECT pg_temp.id('image ' || vm_name), pg_temp.id('disk ' || vm_name), (20 + (random() * 180)::bigint) << 30,
       ((random() * 20)::bigint << 30), pg_temp.id('snapshot ' || vm_name), creation_date
FROM (SELECT * FROM vm_static ORDER BY vm_name) t;
INSERT INTO image_storage_domain_map (image_id, storage_domain_id)
SELECT pg_temp.id('image ' || s.vm_name), CASE WHEN s.origin = 6 THEN pg_temp.id('domain 0') ELSE d.storage_id END
FROM vm_static s JOIN cluster c USING (cluster_id)
JOIN LATERAL (SELECT storage_id FROM storage_pool_iso_map m WHERE m.storage_pool_id = c.storage_pool_id
              AND storage_id <> pg_temp.id('domain 0') ORDER BY md5(storage_id::text || s.vm_name) LIMIT 1) d ON true;
INSERT INTO vm_device (device_id, vm_id, type, device, is_plugged)
SELECT pg_temp.id('disk ' || vm_name), vm_guid, 'disk', 'disk', true FROM vm_static;

INSERT INTO tags (tag_id, tag_name, description)
SELECT pg_temp.id('tag ' || name), name, 'Virtual machines of ' || name FROM unnest(ARRAY['accounting', 'research', 'sales']) AS name;
INSERT INTO tags_vm_map (tag_id, vm_id)
SELECT pg_temp.id('tag ' || (ARRAY['accounting', 'research', 'sales'])[1 + n % 3]), pg_temp.id('vm ' || n) FROM generate_series(1, 300, 2) AS n;

INSERT INTO users (user_id, name, surname, domain, username, email, external_id)
SELECT pg_temp.id('user ' || n), (ARRAY['Ada', 'Boris', 'Chiara', 'Dana', 'Emil'])[1 + n % 5], 'User' || n,
       'example.test-authz', 'user' || n || '@example.test', 'user' || n || '@example.test', pg_temp.id('external ' || n)::text
FROM generate_series(1, 60) AS n;
INSERT INTO permissions (id, role_id, ad_element_id, object_id, object_type_id)
SELECT pg_temp.id('permission ' || n), '00000000-0000-0000-0001-000000000001', pg_temp.id('user ' || 1 + n % 60), pg_temp.id('vm ' || n), 2
FROM generate_series(1, 300) AS n;

INSERT INTO audit_log (log_time, log_type_name, log_type, severity, message, user_name, vm_id, vm_name)
SELECT pg_temp.day() - n * interval '11 minutes', (ARRAY['USER_RUN_VM', 'USER_STOP_VM', 'VM_MIGRATION_DONE', 'USER_VDC_LOGIN'])[1 + n % 4],
       (ARRAY[32, 33, 63, 30])[1 + n % 4], (ARRAY[0, 0, 0, 1])[1 + n % 4],
       'Event no. ' || n || ': ' || md5(n::text), 'user' || 1 + n % 60 || '@example.test', pg_temp.id('vm ' || 1 + n % 300), s.vm_name
FROM generate_series(1, 20000) AS n JOIN vm_static s ON s.vm_guid = pg_temp.id('vm ' || 1 + n % 300);

-- Work that was going on: a restore empties these tables.
INSERT INTO job (job_id, action_type, description, status, start_time, correlation_id)
SELECT pg_temp.id('job ' || n), 'MigrateVm', 'Migrating VM no. ' || n, CASE WHEN n % 4 = 0 THEN 'STARTED' ELSE 'FINISHED' END,
       pg_temp.day() - n * interval '1 minute', md5('correlation ' || n)
FROM generate_series(1, 40) AS n;
INSERT INTO step (step_id, job_id, step_type, description, step_number, status, start_time)
SELECT pg_temp.id('step ' || j || ' ' || n), pg_temp.id('job ' || j), (ARRAY['VALIDATING', 'EXECUTING', 'FINALIZING'])[n], 'Step ' || n, n - 1,
       'STARTED', pg_temp.day() - j * interval '1 minute'
FROM generate_series(1, 40) AS j CROSS JOIN generate_series(1, 3) AS n;
INSERT INTO command_entities (command_id, command_type, status, command_parameters, created_at)
SELECT pg_temp.id('command ' || n), 12, 'ACTIVE', '{"number": ' || n || '}', pg_temp.day() - n * interval '1 minute' FROM generate_series(1, 25) AS n;
INSERT INTO async_tasks (task_id, action_type, status, result, step_id, command_id, started_at)
SELECT pg_temp.id('task ' || n), 1, 2, 0, pg_temp.id('step ' || n || ' 2'), pg_temp.id('command ' || n), pg_temp.day() FROM generate_series(1, 12) AS n;
INSERT INTO async_tasks_entities (async_task_id, entity_id, entity_type)
SELECT pg_temp.id('task ' || n), pg_temp.id('disk web005'), 'DISK' FROM generate_series(1, 12) AS n;
INSERT INTO business_entity_snapshot (id, command_id, command_type, entity_id, entity_type, entity_snapshot, insertion_order, started_at)
SELECT pg_temp.id('compensation ' || n), pg_temp.id('command ' || n), 'AddVmCommand', pg_temp.id('vm ' || n)::text, 'VmStatic', '{}', n, pg_temp.day()
FROM generate_series(1, 9) AS n;

-- The Data Warehouse was collecting.
UPDATE dwh_history_timekeeping SET var_value = '1' WHERE var_name = 'DwhCurrentlyRunning';
UPDATE dwh_history_timekeeping SET var_value = 'engine.example.test' WHERE var_name = 'dwhHostname';
UPDATE dwh_history_timekeeping SET var_datetime = pg_temp.day() WHERE var_name IN ('lastSync', 'heartBeat');
