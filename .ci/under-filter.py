#!/usr/bin/env python3
"""Runs a program under the SystemCallFilter of a unit file, where no systemd runs this host.

Usage: under-filter.py UNIT PROGRAM [ARGUMENT...]

What systemd does with the same lines, done by libseccomp: everything that is not listed fails with EPERM. Beside the listed
calls systemd allows what it needs to start the program itself (execve and the like): `@default` has them, and it is always
allowed by systemd. Groups such as @default are looked up with `systemd-analyze syscall-filter`."""

import ctypes
import errno
import os
import subprocess
import sys


def group(name):
    """Calls of a group, and of the groups in it."""
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True
    ).stdout
    return expand(
        word for word in (line.strip() for line in text.splitlines()[1:]) if word and not word.startswith("#")
    )


def expand(words):
    calls = set()
    for word in words:
        calls |= group(word) if word.startswith("@") else {word}
    return calls


def listed(unit):
    words = ["@default"]
    with open(unit, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("SystemCallFilter="):
                words += line.split("=", 1)[1].split()
    return expand(words)


def main():
    unit, program = sys.argv[1], sys.argv[2:]
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    fail, allow = 0x00050000 | errno.EPERM, 0x7FFF0000
    filters = library.seccomp_init(fail)
    for call in sorted(listed(unit)):
        number = library.seccomp_syscall_resolve_name(call.encode())
        # Some calls of a group are those of other machines.
        if number >= 0 and library.seccomp_rule_add(filters, allow, number, 0) != 0:
            sys.exit(f"under-filter.py: {call} can not be allowed")
    if library.seccomp_load(filters) != 0:
        sys.exit("under-filter.py: the kernel takes no filter")
    os.execvp(program[0], program)


main()
