"""Certificates of a running tandem-lb: chosen by what a client can verify, stapled, demanded of
clients, replaced under load; Python's ssl and openssl on the other end."""

import base64
import os
import ssl
import subprocess
import threading

import tandem_testing as testing
import tls_stage
from tandem_testing import HttpClient


class CertificatesTest(tls_stage.TlsTestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin()

    def s_client(self, *arguments):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername",
             "www.example.org", "-CAfile", str(self.authority.pem), *map(str, arguments)],
            input="", capture_output=True, text=True, timeout=testing.TIMEOUT, check=False)  # fmt: skip
        return done.stdout + done.stderr

    def serial(self):
        """Of the certificate that a new client is shown."""
        with HttpClient(self.port, tls=self.context(), server_name="www.example.org") as client:
            return client.socket.getpeercert()["serialNumber"]

    def replace(self, path, pem):
        """Over the control socket, as a deploy hook would."""
        answer = self.tandem.control.command(f"set ssl cert {path} <<\n{pem}")
        self.assertEqual(answer, f"Transaction created for certificate {path}!\n")
        self.assertEqual(
            self.tandem.control.command(f"commit ssl cert {path}"),
            f"Committing {path}.\nSuccess!\n",
        )

    # ---- which one is shown
    def test_rsa_and_ecdsa_stand_side_by_side(self):
        files = [self.authority.issue(f"{kind}.pem", "www.example.org", kind=kind)
                 for kind in ("rsa", "ec")]  # fmt: skip
        self.start_lb(self.origin, crt=[str(file) for file in files])
        for signatures, kind in (("rsa_pss_rsae_sha256", "RSA-PSS"),
                                 ("ecdsa_secp256r1_sha256", "ECDSA")):  # fmt: skip
            with self.subTest(kind=kind):
                said = self.s_client("-sigalgs", signatures)
                self.assertIn(f"Peer signature type: {kind}", said)
                self.assertIn("Verify return code: 0 (ok)", said)

    def test_strict_about_names_others_are_refused(self):
        self.start_lb(self.origin, strict_sni=True)
        self.assertEqual(self.client().get("/").status, 200)
        for name in ("other.example", None):
            with self.subTest(name=name), self.assertRaises(ssl.SSLError) as refused:
                self.client(name=name, context=self.context(trusted=False))
            self.assertIn("UNRECOGNIZED_NAME", str(refused.exception))

    def test_a_folder_serves_all_that_is_in_it(self):
        for name in ("one.example", "two.example"):
            self.authority.issue(f"certs/{name}.pem", name)
        self.start_lb(self.origin, crt=f"{self.folder}/certs/")
        for name in ("one.example", "two.example"):
            self.assertEqual(self.client(name=name).get("/").status, 200)

    # ---- what goes with it
    def test_an_ocsp_response_is_stapled_while_it_is_in_force(self):
        crt = self.authority.issue("www.pem", "www.example.org")
        request = self.folder / "request.der"
        tls_stage.openssl("ocsp", "-issuer", self.authority.pem, "-cert", crt, "-reqout", request,
                          "-no_nonce")  # fmt: skip
        index = self.folder / "index.txt"
        serial = tls_stage.openssl("x509", "-in", crt, "-noout", "-serial").split("=")[1].strip()
        index.write_text(f"V\t401231235959Z\t\t{serial}\tunknown\t/CN=www.example.org\n")
        tls_stage.openssl("ocsp", "-index", index, "-CA", self.authority.pem, "-rsigner",
                          self.authority.pem, "-rkey", self.authority.key, "-reqin", request,
                          "-respout", f"{crt}.ocsp", "-ndays", "1")  # fmt: skip
        self.start_lb(self.origin, crt=str(crt))
        self.assertNotIn(".ocsp", self.tandem.output())
        self.assertIn("Cert Status: good", self.s_client("-status"))

    def test_metrics_tell_when_each_certificate_ends(self):
        crt = self.authority.issue("www.pem", "www.example.org", days=30)
        self.start_lb(self.origin, crt=str(crt))
        end = self.tandem.metrics()[f'tandem_certificate_expiry_timestamp_seconds{{name="{crt}"}}']
        with HttpClient(self.port, tls=self.context(), server_name="www.example.org") as client:
            shown = client.socket.getpeercert()["notAfter"]
        self.assertEqual(end, ssl.cert_time_to_seconds(shown))

    # ---- clients that show one
    def test_clients_show_certificates_and_no_ticket_gets_around_it(self):
        self.start_lb(self.origin, verify="required", ca_file=str(self.authority.pem))
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.client().get("/")
        mine = self.authority.issue("me.pem", "me", usage="clientAuth")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version.name):
                context = self.context(version=version)
                context.load_cert_chain(mine)
                first = self.client(context=context)
                self.assertEqual(first.get("/").status, 200)
                raw = testing.connect(self.port)
                again = context.wrap_socket(raw, server_hostname="www.example.org",
                                            session=first.socket.session)  # fmt: skip
                self.addCleanup(again.close)
                self.assertTrue(again.session_reused)

    # ---- two nodes
    def test_two_nodes_with_the_same_ticket_keys_resume_each_others_sessions(self):
        keys = self.folder / "tickets"
        keys.touch(0o600)
        keys.write_text("".join(base64.b64encode(os.urandom(80)).decode() + "\n" for _ in "abc"))
        ports = []
        crt = str(self.authority.issue("www.pem", "www.example.org"))
        for _ in range(2):
            self.port, self.plain_port = testing.free_ports(2)
            self.start_lb(self.origin, crt=crt, tls_ticket_keys=str(keys))
            ports.append(self.port)
        context = self.context()
        with HttpClient(ports[0], tls=context, server_name="www.example.org") as client:
            client.get("/")
            session = client.socket.session
        again = context.wrap_socket(testing.connect(ports[1]), server_hostname="www.example.org",
                                    session=session)  # fmt: skip
        self.addCleanup(again.close)
        self.assertTrue(again.session_reused)

    # ---- replaced
    def test_a_certificate_is_replaced_under_load_without_a_failed_request(self):
        crt = self.authority.issue("www.pem", "www.example.org")
        self.start_lb(self.origin, crt=str(crt))
        kept = self.client()
        self.assertEqual(kept.get("/").status, 200)
        old = self.serial()
        failures, requests, is_over = [], [0], threading.Event()

        def load():
            context = self.context()
            while not is_over.is_set():
                try:
                    with HttpClient(self.port, tls=context, server_name="www.example.org") as one:
                        status = one.get("/").status
                    if status != 200:
                        failures.append(status)
                    requests[0] += 1
                except OSError as error:
                    failures.append(error)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        serials = {old}
        try:
            for number in range(5):
                renewed = self.authority.issue(f"new-{number}.pem", "www.example.org")
                self.replace(crt, renewed.read_text())
                serial = self.serial()  # at once: the answer waits for all workers
                self.assertNotIn(serial, serials)
                serials.add(serial)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(requests[0], 10)
        self.assertEqual(kept.get("/").status, 200)  # on a connection that began before

    def test_a_certificate_that_does_not_fit_changes_nothing(self):
        crt = self.authority.issue("www.pem", "www.example.org")
        self.start_lb(self.origin, crt=str(crt))
        before = self.serial()
        answer = self.tandem.control.command(f"set ssl cert {crt} <<\n{self.authority.pem.read_text()}")
        self.assertIn("holds no private key", answer)
        self.assertIn(f"Can't update {crt}!", answer)
        self.assertEqual(self.serial(), before)


if __name__ == "__main__":
    testing.main()
