"""Where programs that refuse to run as root find a home."""

import os
import pathlib
import pwd
import shutil
import tempfile


class Unprivileged:
    """A folder, and options to start a program in it as somebody who is not root."""

    def __init__(self, test):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tandem-home-"))
        test.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.options = {
            "env": {"HOME": str(self.folder), "PATH": os.environ["PATH"]},
            "cwd": self.folder,
        }
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self.options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
