"""A bare user of OpenVINO: no more than `import openvino`, a compiled model, one request run once. See `memory`.

usage: bare.py MODEL.xml CPU      prints its private memory in MiB, then ends when its input does
"""

import os
import sys


def main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[2])})
    import openvino

    settings = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1"}
    compiled = openvino.Core().compile_model(sys.argv[1], "CPU", settings)
    request = compiled.create_infer_request()
    request.infer()
    print("ready", flush=True)
    sys.stdin.readline()
    print(private_mb(), flush=True)
    sys.stdin.readline()


def private_mb() -> float:
    """USS: pages that no other process maps."""
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) / 1024


if __name__ == "__main__":
    main()
