"""testssl.sh, which knows what is wrong with other people's TLS, against a bind that says nothing
but its certificates. It asks nobody on the network."""

import json
import subprocess
import threading

import tandem_testing as testing
import tls_stage
from tandem_testing import accepts, free_port, program, wait_until

# Sections of the scan that are run at the same time: each mostly waits.
SECTIONS = [["-p", "-f", "-P"], ["-S"], ["-U"]]

# What may be worse than INFO, and why that says nothing about tandem.
ALLOWED = {
    "engine_problem": "the openssl of this machine has no engine for GOST",
    "cert_revocation": "the CA of the test publishes neither a list nor an OCSP responder",
    "sessionresumption_ticket": "s_client leaves, at times before the ticket of TLS 1.3 has come; "
                                "tickets have tests of their own",
}  # fmt: skip

# Findings that must be there with just this text, so that a scan that did not happen is no success.
EXPECTED = {
    "SSLv2": "not offered",
    "SSLv3": "not offered",
    "TLS1": "not offered",
    "TLS1_1": "not offered",
    "TLS1_2": "offered",
    "TLS1_3": "offered with final",
    "PFS": "offered",
    "PFS_ECDHE_curves": "prime256v1 secp384r1 X25519",
    "cipherorder_TLSv1_2": "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 "
                           "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 "
                           "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305",
    "cipherorder_TLSv1_3": "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 "
                           "TLS_CHACHA20_POLY1305_SHA256",
    "cert_chain_of_trust <cert#1>": "passed.",
    "cert_chain_of_trust <cert#2>": "passed.",
    "heartbleed": "not vulnerable, no heartbeat extension",
    "CCS": "not vulnerable",
    "ROBOT": "not vulnerable, no RSA key transport cipher",
    "secure_renego": "supported",
    "secure_client_renego": "not vulnerable",
    "CRIME_TLS": "not vulnerable",
    "SWEET32": "not vulnerable",
    "LOGJAM": "not vulnerable, no DH EXPORT ciphers,",
    "BEAST": "not vulnerable, no SSL3 or TLS1",
    "LUCKY13": "not vulnerable",
    "RC4": "not vulnerable",
}  # fmt: skip


class TestsslTest(tls_stage.TlsTestCase):
    def scan(self, port, *sections):
        """Findings by id: (severity, text)."""
        out = self.folder / f"scan{''.join(sections)}.json"
        done = subprocess.run(
            [program("testssl"), "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
             "--ip", "127.0.0.1", "--add-ca", self.authority.pem, "--jsonfile", out, *sections,
             f"www.example.org:{port}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            cwd=self.folder, timeout=testing.TIMEOUT * 8)  # fmt: skip
        self.assertTrue(out.exists(), done.stdout + done.stderr)
        findings = json.loads(out.read_text(encoding="utf-8"))
        return {one["id"]: (one["severity"], one["finding"]) for one in findings}

    def scan_in_parts(self, port):
        parts = {}
        threads = [
            threading.Thread(target=lambda s=sections: parts.update({s[0]: self.scan(port, *s)}))
            for sections in SECTIONS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(parts), len(SECTIONS), "a part of the scan did not end")
        return {name: finding for part in parts.values() for name, finding in part.items()}

    def test_nothing_is_found_at_a_bind_that_says_nothing_but_its_certificates(self):
        crt = [str(self.authority.issue(f"{kind}.pem", "www.example.org", kind=kind, days=90))
               for kind in ("ec", "rsa")]  # fmt: skip
        self.start_lb(self.start_origin(), crt=crt)
        found = self.scan_in_parts(self.port)
        worse = {name: finding for name, finding in found.items()
                 if finding[0] not in ("OK", "INFO") and name.split()[0] not in ALLOWED}  # fmt: skip
        self.assertEqual(worse, {})
        self.assertEqual({name: found.get(name, ("", "no such finding"))[1] for name in EXPECTED},
                         EXPECTED)  # fmt: skip
        # Each cipher there is keeps its secrets when the key is stolen.
        for cipher in found["PFS_ciphers"][1].split():
            self.assertRegex(cipher, "^(ECDHE-|TLS_(AES|CHACHA20)_)")

    def test_the_scanner_sees_what_is_wrong_elsewhere(self):
        crt = self.authority.issue("weak.pem", "www.example.org", kind="rsa")
        port = free_port()
        self.start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", crt, "-www",
                    "-cipher", "AES128-SHA:@SECLEVEL=0", "-no_tls1_3", "-quiet"])  # fmt: skip
        wait_until(lambda: accepts(port), "openssl listens")
        found = self.scan(port, "-p")
        self.assertEqual({name: found[name] for name in ("TLS1", "TLS1_1")},
                         {"TLS1": ("LOW", "offered (deprecated)"),
                          "TLS1_1": ("LOW", "offered (deprecated)")})  # fmt: skip


if __name__ == "__main__":
    testing.main()
