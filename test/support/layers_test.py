"""scripts/layers says so when a room leaves its floor: each offence is planted in a small tree."""

import pathlib
import shutil
import subprocess
import sys

import tandem_testing

LAYERS = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "layers"

SOUND = {
    "common/CMakeLists.txt": "tandem_room(common SOURCES a.cc USES fmt::fmt)",
    "common/text.h": "#pragma once",
    "common/event/CMakeLists.txt": "tandem_room(common/event SOURCES loop.cc USES common)",
    "common/event/loop.h": '#include <uv.h>\n#include "common/text.h"',
    "metrics/CMakeLists.txt": "tandem_room(metrics SOURCES a.cc USES common)",
    "metrics/cell.h": "",
    "http/CMakeLists.txt": "tandem_room(http SOURCES a.cc USES common) # metrics",
    "http/message.h": '#include "common/text.h"',
    "lb/route/CMakeLists.txt": "tandem_room(lb/route SOURCES a.cc\n  USES http)",
    "lb/route/table.cc": '#include "http/message.h"\n#include "common/text.h"',
    "lb/main.cc": '#include "lb/route/table.h"\n#include "metrics/cell.h"',
    "lb/route/table.h": "",
    "common/event/loop.h": "",
    "failover/machine/step.h": '#include "common/text.h"',
    "ctl/main.cc": '#include "common/text.h"',
}

OFFENCES = [
    ("a room above", {"common/a.cc": '#include "common/event/loop.h"'}, "stands above common"),
    ("not in USES", {"lb/route/a.cc": '#include "metrics/cell.h"'}, "metrics is not in its USES"),
    ("the other daemon", {"lb/a.cc": '#include "failover/machine/step.h"'}, "do not know each"),
    ("the client", {"ctl/a.cc": '#include "http/message.h"'}, "do not know each other"),
    ("libuv elsewhere", {"http/a.cc": "#include <uv.h>"}, "belongs to common/event alone"),
    ("OpenSSL elsewhere", {"lb/a.cc": "#include <openssl/ssl.h>"}, "belongs to failover/peer"),
    ("no such file", {"lb/a.cc": '#include "message.h"'}, "is no file of the tree"),
    (
        "a circle",
        {"http/a.h": '#include "http/b.h"', "http/b.h": '#include "http/a.h"'},
        "in a circle: http/a.h -> http/b.h -> http/a.h",
    ),
    (
        "USES upwards",
        {"common/event/CMakeLists.txt": "tandem_room(common/event SOURCES a.cc USES metrics)"},
        "common/event uses metrics",
    ),
    (
        "an unknown room",
        {"lb/cache/CMakeLists.txt": "tandem_room(lb/cache SOURCES a.cc)"},
        "room lb/cache has no place in ORDER",
    ),
]


class LayersTest(tandem_testing.TestCase):
    def run_on(self, files):
        tree = self.folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        for name, text in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        (tree / "scripts").mkdir()
        shutil.copy(LAYERS, tree / "scripts")
        done = subprocess.run(
            [sys.executable, tree / "scripts" / "layers"], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def test_a_sound_tree_passes(self):
        status, output = self.run_on(SOUND)
        self.assertEqual((status, output.count("offences")), (0, 0), output)

    def test_each_offence_is_found_and_named(self):
        for name, files, complaint in OFFENCES:
            with self.subTest(name):
                status, output = self.run_on({**SOUND, **files})
                self.assertEqual(status, 1)
                self.assertIn(complaint, output)
                self.assertIn("1 offences", output)


if __name__ == "__main__":
    tandem_testing.main()
