"""Data on stdout, for programs: bytes as they are, and values as JSON."""

import sys

import msgspec


def print_bytes(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def print_json(value: object) -> None:
    print_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
