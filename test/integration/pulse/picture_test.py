"""The picture of the pair on the statistics page, as a played tandem-failover sends it."""

import json
import time

import pulse_peer
import tandem_testing as testing


def hours_ago(hours):
    return int((time.time() - hours * 3600) * 1000)


def router(state, priority, **more):
    return {"name": "main", "addresses": ["192.0.2.10/32"], "state": state, "priority": priority,
            "why": str(priority), "since": hours_ago(50.5)} | more  # fmt: skip


def two_nodes(**of_two):
    one = {"name": "one", "self": True, "up": True, "version": "1.2.3", "config_hash": "c0ffee",
           "started_at": hours_ago(30.5),
           "routers": [router("active", 150)]}  # fmt: skip
    two = {"name": "two", "up": True, "version": "1.2.3", "config_hash": "c0ffee",
           "routers": [router("backup", 100)]}  # fmt: skip
    return {"nodes": [one, two | of_two]}


class PictureTest(pulse_peer.PulseCase):
    def setUp(self):
        super().setUp()
        self.start_watched({"web1": self.start_origin("web1").address})
        self.watcher = self.watch()

    def show(self, picture):
        text = picture if isinstance(picture, str) else json.dumps(picture)
        self.watcher.send(bytes([pulse_peer.VERSION, pulse_peer.PICTURE]) + text.encode())

    def page(self):
        return testing.get(self.tandem.admin_port, "/stats").text

    def wait_for(self, *parts):
        def page():
            text = self.page()
            return all(part in text for part in parts) and text

        return testing.wait_until(page, f"the page has {parts}")

    def pair(self):
        response = testing.get(self.tandem.admin_port, "/stats;pair")
        self.assertEqual(response.header("Content-Type"), "application/json")
        return response.json()

    def test_the_page_shows_both_nodes_in_words(self):
        self.assertNotIn('id="pair"', self.page())
        self.assertEqual(self.pair(), {"stale": True, "heard_seconds_ago": None, "nodes": []})
        self.show(two_nodes())
        page = self.wait_for('<section id="pair">')
        for words in ("active for 2d2h", "backup for 2d2h", "192.0.2.10/32", "1d6h", "1.2.3"):
            self.assertIn(words, page)
        pair = self.pair()
        self.assertFalse(pair["stale"])
        self.assertEqual([node["name"] for node in pair["nodes"]], ["one", "two"])
        self.assertEqual(pair["nodes"][1]["routers"][0]["state"], "backup")

    def test_a_change_is_shown(self):
        self.show(two_nodes())
        self.wait_for('<section id="pair">')
        self.show(two_nodes(config_hash="bad"))
        self.wait_for("two runs another configuration than one", "ANOTHER: bad")
        self.show(two_nodes(up=False, trouble="connection refused", config_hash="", routers=[]))
        self.wait_for("down: connection refused", "unknown")

    def test_a_tandem_failover_that_has_gone_is_said_to_be(self):
        self.show(two_nodes())
        self.wait_for("active for")
        self.watcher.close()
        self.wait_for("tandem-failover does not answer since", "was active")
        self.assertTrue(self.pair()["stale"])
        self.watcher = self.watch()
        self.show(two_nodes())
        self.wait_for("active for")
        self.assertNotIn("does not answer", self.page())

    def test_one_that_is_connected_and_says_nothing_is_too(self):
        self.show(two_nodes())
        self.wait_for("active for")
        self.show("{no picture")
        self.wait_for("tandem-failover does not answer since")

    def test_what_cannot_be_read_or_is_hostile_does_no_harm(self):
        for picture in ("", "[" * 16000, '{"nodes":[]}', '{"nodes":[' + "1," * 7000 + "1]}"):
            self.show(picture)
        self.show(two_nodes(name="<script>alert(1)</script>", version='"><b>'))
        page = self.wait_for("&lt;script&gt;alert(1)&lt;/script&gt;", "&quot;&gt;&lt;b&gt;")
        self.assertNotIn("<script", page)


if __name__ == "__main__":
    testing.main()
