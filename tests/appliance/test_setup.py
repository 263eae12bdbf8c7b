"""engine-setup and its companions."""

from __future__ import annotations

import ssl
import stat
from typing import TYPE_CHECKING

from tests.appliance.kit import PASSWORD, REPOSITORY, Machine

if TYPE_CHECKING:
    from pathlib import Path

STAGES = [
    "Initializing",
    "Environment setup",
    "Environment customization",
    "Setup validation",
    "Transaction setup",
    "Misc configuration",
    "Transaction commit",
    "Closing up",
    "Clean up",
    "Pre-termination",
    "Termination",
]


def _stages(said: str) -> list[str]:
    return [line.partition("Stage: ")[2] for line in said.splitlines() if "[ INFO  ] Stage: " in line]


def _certificate(machine: Machine, name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((machine.root / "etc/pki/ovirt-engine" / name).read_text())


def test_a_first_run_then_a_second(machine: Machine) -> None:
    said = machine.setup()
    assert _stages(said) == STAGES
    assert said.endswith("[ INFO  ] Execution of setup completed successfully\n")
    assert (
        machine.psql("-c", "SELECT count(*) FROM vdc_options WHERE option_name = 'DisableFenceAtStartupInSec'") == "1"
    )
    ca, server = _certificate(machine, "ca.pem"), _certificate(machine, "certs/apache.cer")
    database = (machine.root / "etc/ovirt-engine/engine.conf.d/10-setup-database.conf").read_text()
    again = machine.setup(OVESETUP_CONFIG__adminPassword="")
    assert _stages(again) == STAGES
    assert "Creating" not in again
    assert (ca, server) == (_certificate(machine, "ca.pem"), _certificate(machine, "certs/apache.cer"))
    assert database == (machine.root / "etc/ovirt-engine/engine.conf.d/10-setup-database.conf").read_text()


def test_another_name_renews_the_certificate_and_keeps_the_ca(machine: Machine) -> None:
    machine.setup()
    ca, server = _certificate(machine, "ca.pem"), _certificate(machine, "certs/apache.cer")
    said = machine.setup(OVESETUP_CONFIG__fqdn="str:other.example.test")
    assert "the present one is not for other.example.test" in said
    assert ca == _certificate(machine, "ca.pem")
    assert server != _certificate(machine, "certs/apache.cer")
    assert 'ENGINE_FQDN="other.example.test"' in _all_text(machine.root / "etc")


def test_renewal_can_be_asked_for(machine: Machine) -> None:
    machine.setup()
    server = _certificate(machine, "certs/apache.cer")
    assert "renewal was asked for" in machine.setup(OVESETUP_PKI__renew="bool:True")
    assert server != _certificate(machine, "certs/apache.cer")


def test_no_secret_is_readable_or_written_down(machine: Machine) -> None:
    said = machine.setup()
    (machine.root / "answers.conf").unlink()
    assert PASSWORD not in said
    assert PASSWORD not in _all_text(machine.root)
    for name in ("private/ca.pem", "keys/apache.key.nopass"):
        assert stat.S_IMODE((machine.root / "etc/pki/ovirt-engine" / name).stat().st_mode) == 0o600
    for path in machine.root.rglob("10-setup-database.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (machine.root / "var/log").rglob("*.log"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = machine.psql("-c", "SELECT password FROM aaa_jdbc.users WHERE name = 'admin'")
    assert kept.startswith("scrypt$16384$8$1$")


def _all_text(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return "\n".join(path.read_text(errors="replace") for path in files)


def test_a_failed_run_is_finished_by_the_next(machine: Machine) -> None:
    code, said = machine.run(
        "setup.cli", "--accept-defaults", f"--config-append={machine.answers(OVESETUP_CONFIG__adminPassword='')}"
    )
    assert code == 1
    assert "[ ERROR ] Failed to execute stage: OVESETUP_CONFIG/adminPassword is needed" in said
    assert "[ ERROR ] Execution of setup failed" in said
    assert "completed successfully" in machine.setup()


def test_what_cannot_be_accepted_is_refused(machine: Machine) -> None:
    for wrong, message in {
        "OVESETUP_CONFIG__fqdn=str:not_a name": "Host name is not valid: 'not_a name'",
        "OVESETUP_PKI__organization=str:a/CN=evil": "Organization name is not valid",
        "OVESETUP_CONFIG__adminPassword=str: x": "the admin password must not begin or end",
        "OVESETUP_PKI__renew=bool:yes": "the value of OVESETUP_PKI/renew is not of the form type:value",
        "OVESETUP_DB__port=float:1": "the value of OVESETUP_DB/port is not of the form type:value",
    }.items():
        key, _, value = wrong.partition("=")
        code, said = machine.run("setup.cli", "--accept-defaults", f"--config-append={machine.answers(**{key: value})}")
        assert (code, message in said) == (1, True), said
    assert not list(machine.root.rglob("etc/*"))
    code, said = machine.run("setup.cli", "--accept-defaults", "--config-append=/nowhere")
    assert code == 1
    assert "'/nowhere' cannot be read as an answer file" in said


def test_an_unreadable_answer_file_does_not_show_its_content(machine: Machine) -> None:
    file = machine.root / "broken.conf"
    file.write_text(f"OVESETUP_CONFIG/adminPassword=str:{PASSWORD}\n")
    code, said = machine.run("setup.cli", "--accept-defaults", f"--config-append={file}")
    assert code == 1
    assert PASSWORD not in said


def test_a_foreign_database_is_left_alone(machine: Machine) -> None:
    engine = machine.databases[0]
    machine.cluster.sql(f'CREATE DATABASE "{engine}";')
    machine.cluster.sql("CREATE TABLE precious (x int);", engine)
    code, said = machine.run("setup.cli", "--accept-defaults", f"--config-append={machine.answers()}")
    assert code == 1
    assert f"Database '{engine}' is not empty and holds something else" in said


def test_engine_config(machine: Machine) -> None:
    code, said = machine.run("options", "-g", "DisableFenceAtStartupInSec")
    assert (code, said) == (1, "The engine is not set up; run engine-setup first.\n")
    machine.setup()
    assert machine.well("options", "-g", "DisableFenceAtStartupInSec") == (
        "DisableFenceAtStartupInSec: 300 version: general\n"
    )
    machine.well("options", "-s", "DisableFenceAtStartupInSec=86400")
    assert "DisableFenceAtStartupInSec: 86400 version: general" in machine.well("options", "-a").splitlines()
    assert machine.well("options", "-l").startswith("AuditLogAgingThreshold: ")
    for wrong in ("DisableFenceAtStartupInSec=soon", "Nothing=1", "DisableFenceAtStartupInSec=1'; DROP TABLE job; --"):
        assert machine.run("options", "-s", wrong)[0] == 1
    machine.well("options", "-s", "ClientModeConsoleDefault=it's \\ quoted")
    assert machine.well("options", "-g", "ClientModeConsoleDefault") == (
        "ClientModeConsoleDefault: it's \\ quoted version: general\n"
    )


def test_upgrade_check_and_cleanup(machine: Machine) -> None:
    assert machine.run("setup.upgrade_check")[0] == 0
    machine.setup()
    assert machine.run("setup.upgrade_check") == (1, "No upgrade\n")
    assert machine.run("setup.cleanup", text="no\n")[0] == 1
    machine.well("setup.cleanup", "--accept-defaults")
    assert not (machine.root / "etc/pki/ovirt-engine").exists()
    names = machine.cluster.sql("SELECT datname FROM pg_database")
    assert not set(machine.databases) & set(names)


def test_the_functions_of_a_hosted_engine_restore(machine: Machine) -> None:
    machine.setup()
    machine.psql("-q", "-1", "-f", str(REPOSITORY / "appliance/seed/engine.sql"))
    assert machine.psql("-c", "SELECT vm_name FROM vms WHERE origin = 6") == "HostedEngine"
    machine.psql("-c", "SELECT deletevm(vm_guid) FROM (SELECT vm_guid FROM vms WHERE origin = 6) AS he")
    assert machine.psql("-c", "SELECT count(*) FROM vms WHERE origin = 6") == "0"
    assert machine.psql("-c", "SELECT count(*) FROM vds") == "15"
    machine.psql(
        "-c", "SELECT deletevds(vds_id) FROM (SELECT vds_id FROM vds WHERE vds_name = 'host1.example.test') AS h"
    )
    assert machine.psql("-c", "SELECT count(*) FROM vds") == "14"
    assert machine.psql("-c", "SELECT count(*) FROM vms WHERE run_on_vds IS NOT NULL") != "0"
