"""Postfix as the peer of the bench: a configuration of its own, everything held on disk and nothing delivered."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSTFIX = ("/usr/sbin/postfix", "/usr/lib/postfix/sbin/smtpd")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postfix(folder: Path, certificate: tuple[bytes, bytes]) -> Iterator[int]:
    """Run a Postfix of its own that holds all it takes; yields its port."""
    if os.geteuid() or not all(Path(one).exists() for one in POSTFIX):
        raise SystemExit("Postfix is the peer of this bench: install it and run as root")
    port, config, queue, data = free_port(), folder / "config", folder / "queue", folder / "postfix-data"
    for made in (config, queue, data):
        made.mkdir(mode=0o755)
    shutil.chown(data, "postfix")
    pair = config / "pair.pem"
    pair.touch(0o600)
    pair.write_bytes(certificate[1] + certificate[0])
    settings = {
        "compatibility_level": "3.6", "queue_directory": queue, "data_directory": data, "mail_owner": "postfix",
        "setgid_group": "postdrop", "command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin",
        "myhostname": "postfix.example", "mydestination": "", "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "loopback-only", "inet_protocols": "ipv4",
        "smtpd_relay_restrictions": "permit_mynetworks, reject", "alias_maps": "",
        "smtpd_recipient_restrictions": "check_recipient_access static:HOLD, permit_mynetworks, reject",
        "message_size_limit": "40000000", "smtpd_client_connection_count_limit": "0", "default_process_limit": "100",
        "smtpd_tls_security_level": "may", "smtpd_tls_chain_files": pair, "smtpd_tls_session_cache_database": "",
        "maillog_file": folder / "postfix.log", "maillog_file_prefixes": folder, "smtputf8_enable": "yes",
        "multi_instance_wrapper": "", "meta_directory": "/etc/postfix", "shlib_directory": "/usr/lib/postfix",
    }  # fmt: skip
    (config / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    services = (
        f"127.0.0.1:{port} inet n - n - - smtpd", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite", "tlsmgr unix - - n 1000? 1 tlsmgr", "anvil unix - - n - 1 anvil",
        "proxymap unix - - n - - proxymap", "postlog unix-dgram n - n - 1 postlogd", "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce", "error unix - - n - - error", "scache unix - - n - 1 scache",
    )  # fmt: skip
    (config / "master.cf").write_text("\n".join(services) + "\n")
    command = ["/usr/sbin/postfix", "-c", str(config)]
    subprocess.run([*command, "start"], check=True)
    try:
        wait_for(port)
        yield port
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True)


def forget_held(folder: Path) -> None:
    """Remove what Postfix holds, so that its folder stays small."""
    for held in (folder / "queue" / "hold").rglob("*"):
        if held.is_file():
            held.unlink()


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")
