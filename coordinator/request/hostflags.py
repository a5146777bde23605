"""The flags that say which other hosts take part and how they are reached. A table."""

from typing import Final

from . import values
from .flag import Flag

HOSTS: Final = (
    Flag(
        "hosts",
        ("--hosts",),
        "run on these hosts, by ssh unless --launcher says otherwise, as in a,b=4,me@c:2222: --agents on each, or as "
        "many as stand behind =; needs --bind",
        metavar="LIST",
    ),
    Flag(
        "hosts_file",
        ("--hosts-file",),
        "the same from a file, a host on each line",
        metavar="FILE",
        parse=values.path,
        path="file",
    ),
    Flag(
        "advertise",
        ("--advertise",),
        "what hosts connect to where that is not --bind, as behind a router: ADDRESS or ADDRESS:PORT",
        metavar="ADDRESS",
    ),
    Flag(
        "remote_python",
        ("--remote-python",),
        "the Python on the hosts, or the folder of its virtual environment, that has ovbench; default: ovbench-agent "
        "on their PATH",
        metavar="PATH",
    ),
    Flag(
        "install",
        ("--install",),
        "put this ovbench on the hosts first, into a virtual environment in the user's cache there",
        takes="nothing",
        default=False,
    ),
    Flag(
        "ssh_config",
        ("--ssh-config",),
        "ssh's -F: its configuration, instead of the user's",
        metavar="FILE",
        parse=values.path,
        path="file",
    ),
    Flag(
        "slurm_options",
        ("--slurm-options",),
        "outside of an allocation: what to ask Slurm for, as in '-N 2 -p debug'",
        metavar="OPTIONS",
        default="",
    ),
    Flag("ray_address", ("--ray-address",), "the Ray cluster; default auto", metavar="ADDRESS", default="auto"),
    Flag(
        "model_cache",
        ("--model-cache",),
        "where hosts keep models that they were sent, and how much, as in /var/cache/ovbench:20G; default: the user's "
        "cache there",
        metavar="DIR[:SIZE]",
    ),
    Flag(
        "allow_extensions",
        ("--allow-extensions",),
        "send the hosts libraries of -extensions and files of properties, too: they run there with your rights",
        takes="nothing",
        default=False,
    ),
    Flag(
        "join_folder",
        ("--join-folder",),
        "with --launcher external and --hosts: where to write the hosts' join files; default: the current folder",
        metavar="DIR",
        parse=values.path,
        path="folder",
    ),
    Flag(
        "run_keys",
        ("--run-keys",),
        "with --launcher kubernetes: the keys of the run, from ovbench-coord manifest kubernetes",
        metavar="FILE",
        parse=values.path,
        path="file",
    ),
)
