"""A task that leaves nobody's grip on purpose. Its grandchild has forked twice, is in a session of its own, ignores SIGTERM and
holds stdout and stderr open. Both say on stderr who they are: "escaped PID", then "leader PID".

arguments: leader stays|leader leaves [clear-environment]
"""

import os
import signal
import sys


def escape(clear_environment, told):
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(2, f"escaped {os.getpid()}\n".encode())
    os.close(told)
    if clear_environment:
        os.execve("/bin/sleep", ["sleep", "100000"], {})
    while True:
        signal.pause()


def main():
    heard, told = os.pipe()
    if os.fork() == 0:
        os.close(heard)
        escape("clear-environment" in sys.argv, told)
    os.close(told)
    os.read(heard, 1)
    os.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(2, f"leader {os.getpid()}\n".encode())
    while "stays" in sys.argv:
        signal.pause()


main()
