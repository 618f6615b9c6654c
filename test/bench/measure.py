"""What is measured of a balancer: CPU time, memory, system calls, instructions."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

from tandem_testing import TIMEOUT, program, wait_until


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        text = pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii")
        found += [int(word) for word in text.split()]
    return found


def family(pid):
    """The process and its children: nginx serves from a child."""
    return [pid, *children(pid)]


def cpu_nanoseconds(pids):
    """Time on a CPU of every thread, user and system, as the scheduler counts it. Finer than
    utime + stime, which come in hundredths of a second."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            text = pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text(encoding="ascii")
            total += int(text.split()[0])
    return total


def memory_bytes(pids, field):
    """Sum of a field of /proc/PID/status: RssAnon (own memory now) or VmHWM (most ever)."""
    total = 0
    for pid in pids:
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        total += int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024
    return total


def open_descriptors(pids):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


class SystemCallCounter:
    """Counts the system calls of a family of processes while it is entered. Slows them tenfold:
    never measure anything else meanwhile."""

    def __init__(self, pids):
        self.pids = pids
        self.calls = {}

    def __enter__(self):
        self.table = tempfile.NamedTemporaryFile("r", prefix="strace-")
        command = [program("strace"), "-c", "-f", "-U", "calls,name", "-o", self.table.name]
        for pid in self.pids:
            command += ["-p", str(pid)]
        self.strace = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(self.is_attached, "strace is attached")
        return self

    def is_attached(self):
        if self.strace.poll() is not None:
            raise RuntimeError(f"strace failed: {self.strace.stderr.read().decode()}")
        return all(
            "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
            for pid in self.pids
            for task in os.listdir(f"/proc/{pid}/task")
        )

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate(timeout=TIMEOUT)
        for line in self.table:
            words = line.split()
            if len(words) == 2 and words[0].isdigit() and words[1] != "total":
                self.calls[words[1]] = int(words[0])
        self.table.close()


def callgrind_command(folder):
    return [program("valgrind"), "--tool=callgrind", "--callgrind-out-file=" + f"{folder}/ir.%p",
            "--quiet"]  # fmt: skip


def callgrind_instructions(folder):
    """User instructions of all processes that wrote their totals to `folder`."""
    total = 0
    for path in pathlib.Path(folder).glob("ir.*"):
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(("totals:", "summary:")):
                total += int(line.split()[1])
                break
    return total
