"""Clients that run beside a test, a thread for each, until it leaves the block."""

import threading


class ClientThreads:
    """A subclass's run(number) is a client's life; it looks at `stopping`.

    What the clients count together is counted under `lock`.
    """

    def __init__(self, clients):
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(number,)) for number in range(clients)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
