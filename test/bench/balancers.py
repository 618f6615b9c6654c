"""The balancers that are compared, each configured for a scenario as well as it can be: reuse of
server connections, no logs, one worker, and clients that may be idle for minutes. What serves large
bodies best was found by trial: HAProxy told to splice (from 1 MB on with pipes of 1 MB), nginx with
one unbuffered read of 256 KB."""

import getpass
import json
import pathlib
import resource
import subprocess

from tandem_testing import Process, accepts, free_port, program, wait_until

import measure

PATIENCE = 60  # seconds for a start with 10,000 routes


class Balancer:
    """One balancer, started for one scenario in `folder`, on CPU `cpu`, in front of `servers`
    (addresses as host:port)."""

    name = ""

    def __init__(self, folder, scenario, servers, cpu, prefix=()):
        self.folder = pathlib.Path(folder)
        self.scenario = scenario
        self.servers = servers
        self.port = free_port()
        self.certificate = self.make_certificate() if scenario.tls else None
        arguments = ["taskset", "-c", str(cpu), *prefix, *self.prepare()]
        self.process = Process(arguments, folder, name=self.name)
        wait_until(self.is_up, f"{self.name} listens", PATIENCE)

    def prepare(self):
        """Writes the configuration and returns the command."""
        raise NotImplementedError

    @classmethod
    def version(cls):
        raise NotImplementedError

    @classmethod
    def plays(cls, scenario):
        """It is one to compare with in this scenario."""
        del scenario
        return True

    def make_certificate(self):
        """P-256, certificate and key in one file."""
        path = self.folder / "site.pem"
        key = self.folder / "site.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", str(key), "-out", str(path), "-days", "2", "-subj",
             "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example"],
            capture_output=True, check=True)  # fmt: skip
        path.write_text(path.read_text() + key.read_text())
        path.chmod(0o600)
        key.unlink()
        return path

    def is_up(self):
        if not self.process.is_running():
            raise RuntimeError(f"{self.name} did not start:\n{self.output_of_start()}")
        return accepts(self.port)

    def output_of_start(self):
        return self.process.output()[-2000:].replace(f"{self.folder}/", "")

    def pids(self):
        return measure.family(self.process.pid)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def stop(self):
        self.process.stop()


class HAProxy(Balancer):
    name = "haproxy"

    @classmethod
    def version(cls):
        return _first_line([program("haproxy"), "-v"]).split()[2].split("-")[0]

    def prepare(self):
        scenario = self.scenario
        lines = ["global", "  nbthread 1", "  maxconn 12000", "  no strict-limits",
                 "  hard-stop-after 1s",
                 # Else idle server connections are dropped at a quarter of the descriptors.
                 "  tune.pool-low-fd-ratio 90", "  tune.pool-high-fd-ratio 95",
                 "defaults", f"  mode {'tcp' if scenario.tcp else 'http'}", "  maxconn 12000", "  timeout connect 5s",
                 "  timeout client 300s", "  timeout server 60s", "  timeout queue 30s",
                 "  retries 0"]  # fmt: skip
        if not scenario.tcp:
            lines += ["  http-reuse always"]
        if scenario.large:
            lines += ["  option splice-response", "  option splice-request"]
        if scenario.huge:
            lines.insert(1, "  tune.pipesize 1048576")
        if scenario.tls:
            lines.insert(1, "  ssl-default-bind-options ssl-min-ver TLSv1.2")
            lines.insert(1, "  tune.ssl.cachesize 0")
        alpn = "h2,http/1.1" if scenario.h2 else "http/1.1"
        tls = f" ssl crt {self.certificate} alpn {alpn}" if scenario.tls else ""
        lines += ["frontend www", f"  bind 127.0.0.1:{self.port} backlog 20000{tls}"]
        if scenario.header_edits:
            lines += ["  option forwardfor", "  http-request set-header X-Forwarded-Proto http",
                      "  http-request set-header X-Served-By bench"]  # fmt: skip
        if scenario.routes:
            routes = (f"h{i}.example/p{i}/ app\n" for i in range(scenario.routes))
            lines += [f"  use_backend %[base,map_beg({self.write('routes.map', ''.join(routes))})]"]
        else:
            lines += ["  default_backend app"]
        lines += ["backend app", f"  balance {scenario.balance}",
                  "  default-server pool-purge-delay 300s"]  # fmt: skip
        limit = f" maxconn {scenario.maxconn}" if scenario.maxconn else ""
        lines += [f"  server s{i} {server}{limit}" for i, server in enumerate(self.servers)]
        config = self.write("haproxy.cfg", "\n".join(lines) + "\n")
        return [program("haproxy"), "-db", "-f", str(config)]


class Nginx(Balancer):
    name = "nginx"

    @classmethod
    def version(cls):
        return _first_line([program("nginx"), "-v"]).rpartition("/")[2]

    def pids(self):
        """The worker alone: the master sleeps."""
        return measure.children(self.process.pid)

    def prepare(self):
        scenario = self.scenario
        limit = f" max_conns={scenario.maxconn}" if scenario.maxconn else ""
        servers = "".join(f"    server {server}{limit};\n" for server in self.servers)
        keepalive = max(128, len(self.servers) + 64, scenario.requests_at_once())
        balance = "    least_conn;\n" if scenario.balance == "leastconn" else ""
        edits = ""
        if scenario.header_edits:
            edits = ("  proxy_set_header X-Forwarded-For $remote_addr;\n"
                     "  proxy_set_header X-Forwarded-Proto http;\n"
                     "  proxy_set_header X-Served-By bench;\n")  # fmt: skip
        if scenario.tcp:
            return self.start_command(self.stream_configuration())
        return self.start_command(f"""
daemon off;
worker_processes 1;
worker_rlimit_nofile {_descriptor_limit()};
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log crit;
events {{ worker_connections 30000; accept_mutex off; multi_accept on; use epoll; }}
http {{
  access_log off;
  {self.tls()}
  server_tokens off;
  tcp_nodelay on;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_header_timeout 300s;
  client_max_body_size 0;
  client_body_buffer_size 256k;
  client_body_temp_path {self.folder}/body;
  proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_request_buffering off;
  {"proxy_buffering off; proxy_buffers 4 256k;" if scenario.large else "proxy_buffers 8 8k;"}
  proxy_buffer_size {"256k" if scenario.large else "8k"};
  proxy_max_temp_file_size 0;
  proxy_next_upstream off;
{edits}  upstream app {{
{balance}{servers}    keepalive {keepalive};
    keepalive_requests 100000000;
    keepalive_timeout 300s;
  }}
{self.server_blocks()}}}
""")

    def start_command(self, configuration):
        config = self.write("nginx.conf", configuration)
        return [program("nginx"), "-p", str(self.folder), "-c", str(config),
                "-e", f"{self.folder}/error.log"]  # fmt: skip

    def stream_configuration(self):
        servers = "".join(f"server {server}; " for server in self.servers)
        return f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes 1;
worker_rlimit_nofile {_descriptor_limit()};
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log crit;
events {{ worker_connections 30000; accept_mutex off; multi_accept on; use epoll; }}
stream {{
  access_log off;
  tcp_nodelay on;
  proxy_timeout 60s;
  proxy_buffer_size 16k;
  upstream app {{ {servers}}}
  server {{ listen 127.0.0.1:{self.port} backlog=20000; proxy_pass app; }}
}}
"""

    def tls(self):
        if not self.scenario.tls:
            return ""
        return (f"ssl_certificate {self.certificate}; ssl_certificate_key {self.certificate}; "
                "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets on; "
                "ssl_buffer_size 16k;")  # fmt: skip

    def server_blocks(self):
        if not self.scenario.routes:
            tls = (" ssl" if self.scenario.tls else "") + (" http2" if self.scenario.h2 else "")
            return (f"  server {{ listen 127.0.0.1:{self.port}{tls} backlog=20000; "
                    "location / { proxy_pass http://app; } }\n")  # fmt: skip
        return "".join(
            f"  server {{ listen 127.0.0.1:{self.port}{' backlog=20000' if i == 0 else ''}; "
            f"server_name h{i}.example; "
            f"location /p{i}/ {{ proxy_pass http://app; }} }}\n"
            for i in range(self.scenario.routes)
        )


class H2O(Balancer):
    """Beside the others where clients speak HTTP/2, for which it was made."""

    name = "h2o"

    @classmethod
    def version(cls):
        return _first_line([program("h2o"), "--version"]).split()[-1]

    @classmethod
    def plays(cls, scenario):
        return scenario.h2

    def prepare(self):
        config = self.write("h2o.yaml", f"""
user: {getpass.getuser()}
num-threads: 1
max-connections: 12000
tcp-fastopen: 0
pid-file: {self.folder}/h2o.pid
error-log: {self.folder}/error.log
http1-request-timeout: 300
http2-idle-timeout: 300
http2-max-concurrent-requests-per-connection: {self.scenario.streams}
proxy.timeout.io: 60000
proxy.timeout.keepalive: 60000
proxy.preserve-host: ON
listen:
  host: 127.0.0.1
  port: {self.port}
  ssl:
    certificate-file: {self.certificate}
    key-file: {self.certificate}
    minimum-version: TLSv1.2
    neverbleed: OFF
    ocsp-update-interval: 0
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://{self.servers[0]}/
""")
        return [program("h2o"), "-m", "worker", "-c", str(config)]


class Tandem(Balancer):
    name = "tandem"
    binary = None  # set by scripts/bench

    @classmethod
    def version(cls):
        return _first_line([str(cls.binary), "--version"]).split()[-1]

    def prepare(self):
        scenario = self.scenario
        frontend = {"bind": {"address": f"127.0.0.1:{self.port}"}, "maxconn": 12000}
        if scenario.tls:
            frontend["bind"]["ssl"] = {"crt": str(self.certificate)}
        backend = {
            "balance": scenario.balance,
            "servers": {f"s{i}": self.server(address) for i, address in enumerate(self.servers)},
        }
        if not scenario.tcp:
            backend |= {"http-reuse": "always", "pool-purge-delay": "300s"}
        if scenario.header_edits:
            frontend["rules"] = [
                {"set-header": {"X-Forwarded-Proto": "http", "X-Served-By": "bench"}}
            ]
        if scenario.routes:
            frontend["rules"] = [
                {"if": {"host": f"h{i}.example", "path_beg": f"/p{i}/"}, "use_backend": "app"}
                for i in range(scenario.routes)
            ]
        else:
            frontend["default_backend"] = "app"
        config = {
            "global": {"nbthread": 1, "maxconn": 12000, "grace": "1s"},
            "admin": {"bind": f"127.0.0.1:{free_port()}"},
            "defaults": {
                "mode": "tcp" if scenario.tcp else "http",
                "forwardfor": scenario.header_edits,
                "retries": 0,
                "timeout": {"connect": "5s", "client": "300s", "server": "60s", "queue": "30s",
                            "http-request": "300s", "http-keep-alive": "300s"},
            },
            "frontends": {"www": frontend},
            "backends": {"app": backend},
        }  # fmt: skip
        path = self.write("tandem.jsonc", json.dumps(config, indent=1))
        return [str(self.binary), "-f", str(path)]

    def server(self, address):
        if not self.scenario.maxconn:
            return address
        return {"address": address, "maxconn": self.scenario.maxconn}


def other_tandem(name, binary):
    """Another build of tandem-lb, compared under a name of its own."""
    return type(f"Tandem_{name}", (Tandem,), {"name": name, "binary": pathlib.Path(binary)})


def _descriptor_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0]
