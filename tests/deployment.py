"""A web machine as `gridserve deploy` describes it: nginx with TLS before gunicorn, whose socket
outlives it. Only the ports, the folders and the account are other ones."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gridserve.config import Config
from gridserve.deploying import SITE, nginx
from gridserve.installation import ROOT
from tests.conftest import DATA_KEY, SECRET

HANDED = 3  # the first socket that systemd hands over


def find_nginx() -> str | None:
    """The program; Debian keeps it where only root looks."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@dataclass
class Site:
    """What runs: the socket that stays, nginx before it, and the gunicorn of the moment."""

    folder: Path
    environ: dict[str, str]
    http: int
    https: int
    listener: socket.socket = field(init=False)
    web: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https}"

    @property
    def authority(self) -> str:
        return str(self.folder / "ca.pem")

    def session(self) -> requests.Session:
        """A client that believes our authority only."""
        one = requests.Session()
        one.verify, one.trust_env = self.authority, False
        return one

    def listen(self) -> None:
        """Open the socket, which systemd would hold."""
        path = self.folder / "web.sock"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(4096)

    def start(self) -> None:
        """As systemd does: the socket is handed over as file 3, and the program says READY=1."""
        environ = self.environ | {"LISTEN_FDS": "1"}
        source = self.listener.fileno()
        # LISTEN_PID must be the program's own number, which only it knows.
        command = (f'exec env LISTEN_PID=$$ "{sys.executable}" -m gunicorn '
                   "--config python:gridserve.serving wsgi:app")  # fmt: skip

        def hand_over() -> None:
            os.dup2(source, HANDED)
            os.set_inheritable(HANDED, True)

        with (self.folder / "web.log").open("ab") as log:
            self.web = subprocess.Popen(
                ["/bin/sh", "-c", command], cwd=ROOT, env=environ, stderr=log,
                close_fds=True, pass_fds=(HANDED,), preexec_fn=hand_over,
            )  # fmt: skip

    def restart(self) -> None:
        """As `systemctl restart`: the old one ends in order, then the new one starts."""
        self.stop()
        self.start()

    def stop(self) -> None:
        assert self.web is not None
        self.web.send_signal(signal.SIGTERM)
        assert self.web.wait(45) == 0

    def wait(self) -> None:
        """Until a request is answered."""
        deadline = time.monotonic() + 60
        with self.session() as client:
            while True:
                try:
                    if client.get(f"{self.url}/readyz", timeout=30).status_code == 200:
                        return
                except requests.ConnectionError:
                    pass
                assert time.monotonic() < deadline, (self.folder / "web.log").read_text()
                time.sleep(0.05)


@contextmanager
def served(config: Config, folder: Path) -> Iterator[Site]:
    """The site over `config`'s database; needs nginx."""
    ports = free_ports(2)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSERVE_")} | {
        "GRIDSERVE_DATABASE_URL": config.database_url,
        "GRIDSERVE_REDIS_URL": config.redis_url,
        "GRIDSERVE_SECRET_KEY": SECRET,
        "GRIDSERVE_DATA_KEY": DATA_KEY,
        "GRIDSERVE_BLOBS": config.blobs,
        "GRIDSERVE_PROXIES": "1",
        "GRIDSERVE_SECURE_COOKIES": "1",
        "GRIDSERVE_LOG": "json",
        "GRIDSERVE_METRICS": "127.0.0.0/8",
        "WEB_CONCURRENCY": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "counts"),
    }
    site = Site(folder, environ, ports[0], ports[1])
    site.listen()
    make_certificate(folder)
    site.start()
    proxy = subprocess.Popen([str(find_nginx()), *write_nginx(site)])
    try:
        site.wait()
        yield site
    finally:
        proxy.terminate()
        proxy.wait(20)
        site.stop()
        site.listener.close()


def write_nginx(site: Site) -> list[str]:
    """The generated site inside a configuration that touches nothing of the machine's."""
    folder = site.folder
    values = {
        "name": "localhost", "http": site.http, "https": site.https, "log": folder,
        "certificate": folder / "site.pem", "certificate_key": folder / "site.key",
        "upstreams": (f"unix:{folder}/web.sock",),
    }  # fmt: skip
    (folder / SITE).write_text(nginx(values)[SITE])
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        + ("user root;\n" if os.geteuid() == 0 else "")
        + "events { worker_connections 1024; }\n"
        f"http {{ include /etc/nginx/mime.types; {temporary} include {folder}/{SITE}; }}\n"
    )
    return ["-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def free_ports(count: int) -> list[int]:
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found: list[int] = [one.getsockname()[1] for one in with_ports]
    for one in with_ports:
        one.close()
    return found


def make_certificate(folder: Path) -> None:
    """An authority of our own (ca.pem) and its certificate for localhost."""
    authority_key, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "only for tests")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]

    def built(subject: x509.Name, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.Certificate:
        moment = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(hours=1))
            .not_valid_after(moment + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    site = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    root = built(authority, authority_key.public_key(), ca=True)
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "site.pem").write_bytes(built(site, key.public_key(), ca=False).public_bytes(pem))
    (folder / "site.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def slow_sender(site: Site, length: int = 4000) -> ssl.SSLSocket:
    """A connection that has sent the beginning of a request, and goes on sending nothing."""
    context = ssl.create_default_context(cafile=site.authority)
    raw = socket.create_connection(("127.0.0.1", site.https), 10)
    sender = context.wrap_socket(raw, server_hostname="localhost")
    sender.sendall(
        b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n{" % length
    )
    return sender
