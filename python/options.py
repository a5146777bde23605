"""The options of `run` and `study`, written by `scripts/flags` from the tables of flags.

Each has the flag that it stands for, its unit or values, and what it does. Texts are as on the command line.
"""

# fmt: off
import os
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict
from typing import Unpack as Unpack

Text = str | os.PathLike[str]
Number = float | str
Hint = Literal["throughput", "tput", "latency", "cumulative_throughput", "ctput", "none"]
Api = Literal["sync", "async"]
Dispatch = Literal["shared", "round-robin", "random", "partition"]
Smt = Literal["skip", "use"]
CoreKind = Literal["performance", "efficient", "any"]
Spread = Literal["compact", "scatter"]
CrossNode = Literal["avoid", "allow"]
Launcher = Literal["local", "external", "ssh", "slurm", "ray", "kubernetes"]
Pin = Literal["YES", "NO"]
ReportType = Literal["no_counters", "average_counters", "detailed_counters"]
Pcsort = Literal["no_sort", "sort", "simple_sort"]
Plots = Literal["svg", "png"]


class RunOptions(TypedDict, total=False):
    """Of a run."""

    inputs: Text | Sequence[Text]
    """`-i PATH [PATH ...]`: files for the inputs, or folders of them: images, .npy and .bin. PATH,PATH or
    INPUT:PATH,PATH,INPUT:PATH; default: random data."""

    device: str
    """`-d DEVICE`: CPU, the default."""

    hint: Hint
    """`-hint`: default: latency with -api sync, else throughput; none where -nstreams, -nthreads or -pin is
    given."""

    api: Api
    """`-api`: default: sync with -hint latency, else async."""

    niter: Number
    """`-niter N`: inferences of all agents together; with -t, until both are met; not at a --rate; 0 only
    compiles the model."""

    duration_s: Number
    """`-t SECONDS`: length of the measurement, such as 90, 90s or 1m30s; default 10, or as long as -niter
    takes."""

    until: str
    """`--until FIGURE`: measure until a figure is known so well, as in 'p99 +-3%' or 'fps +-1%': until its 95
    % interval is within that much of it; -t is then the most, default 600."""

    scenario: str
    """`--scenario SCENARIO`: a load of MLPerf's, judged by LoadGen's rules: single-stream; multi-stream:N, N
    at a time; server, arrivals at --rate within --slo-ms; or offline. Takes 600 seconds unless -t says
    otherwise."""

    max_irate: Number
    """`-max_irate FPS`: limit of the aggregate rate, in frames per second, divided among the agents; default
    0, no limit."""

    rate: Number
    """`--rate R`: let this many inferences per second become due, those of all agents together, done or not:
    latency is from when each was due, as in --rate 300."""

    arrivals: str
    """`--arrivals LAW`: when they become due: poisson, the default, as from many independent users; constant;
    gamma:CV for gaps of that coefficient of variation (gamma:2 has bursts); or trace:FILE[@SCALE], recorded
    instants in seconds (one a line, CSV with a header, or .npy), with @2 stretched to twice the time at half
    the rate."""

    stages: str
    """`--stages STAGES`: a rate that changes, instead of --rate and -t: DURATION:RATE or DURATION:RATE..RATE
    for a ramp, with ms, s, m or h, as in 10s:100,30s:100..500,60s:500."""

    arrival_seed: Number
    """`--arrival-seed N`: seed of when they become due; default 0."""

    dispatch: Dispatch
    """`--dispatch`: who serves an arrival: shared, the default, one queue that all agents take from; or dealt
    beforehand, as a load balancer does: round-robin or random, or partition, the fixed equal shares of
    -max_irate."""

    drain_s: Number
    """`--drain SECONDS`: at a rate: so long after the end, what was due before it may still be started and
    finish; default 5."""

    timeout_ms: Number
    """`--timeout-ms MS`: drop what has waited so long to be started, and count it as dropped; default:
    never."""

    spin_us: Number
    """`--spin MICROSECONDS`: at a rate: wake so long before an inference is due, and spin; more is more
    punctual and takes more of the CPU, 0 only sleeps; default 200, with -api async 50."""

    warmup_s: Number
    """`--warmup SECONDS`: load that all agents run together before the measurement; default 1, 0 with
    -no_warmup; with --rate, arrivals of so long that are served and not counted."""

    seed: Number
    """`--seed N`: seed of the random inputs; default 0."""

    agents: Number
    """`--agents N`: the CPUs to measure are split evenly over N agents; or per-core, per-l3, per-node, per-
    socket: one agent for each; default: per-core, or with --cpus-per-agent as many as fit."""

    cpus_per_agent: Number
    """`--cpus-per-agent K`: each agent gets K CPUs; what is left over is not measured."""

    cpus: str | Sequence[int]
    """`--cpus LIST`: measure only these, as in 0-3,8; default: all allowed."""

    nodes: str | Sequence[int]
    """`--nodes LIST`: measure only CPUs of these NUMA nodes."""

    sockets: str | Sequence[int]
    """`--sockets LIST`: measure only CPUs of these sockets."""

    smt: Smt
    """`--smt`: skip, the default: one logical CPU of each core (of those named, the lowest); use: all of
    them."""

    core_kind: CoreKind
    """`--core-kind`: measure only cores of this kind, where there are two; default any."""

    spread: Spread
    """`--spread`: compact, the default: agents side by side; scatter: in turn over sockets, nodes and L3
    caches."""

    cross_node: CrossNode
    """`--cross-node`: allow: an agent may have CPUs of several NUMA nodes where agents would else be uneven
    or not fit; avoid, the default: only with fewer agents than nodes, or per-socket."""

    housekeeping: str | Sequence[int]
    """`--housekeeping LIST`: CPUs for control threads and the coordinator, not measured; default: all that no
    agent has, SMT siblings of measured ones only where there are no others."""

    memory: str
    """`--memory local|interleave|NODES`: where agents take memory from: local, the node that they run on;
    interleave, in turn from all nodes that have memory, whatever --nodes says of CPUs; NODES, only from
    these, as in 0,1; default: the system's policy."""

    launcher: Launcher
    """`--launcher`: local starts the agents, the default; external waits for agents started with ovbench-
    agent --connect, or for --hosts that join by hand; ssh reaches the --hosts by OpenSSH; slurm takes the
    nodes of the Slurm job that this runs in, or asks for some with --slurm-options; ray takes the nodes of
    the Ray cluster at --ray-address; kubernetes waits for the pods of ovbench-coord manifest kubernetes,
    whose keys are --run-keys."""

    agent_python: Text
    """`--agent-python PATH`: the Python to run the agents in, as that of a virtual environment with another
    OpenVINO; ovbench must be installed there, too; default: the one that runs this."""

    openvino: str
    """`--openvino RELEASE`: the release of OpenVINO to run the agents on, such as 2025.4, the newest of its
    kind, or 2025.4.0; it is installed in your cache when it is first wanted; default: the one that is
    installed."""

    bind: str
    """`--bind ENDPOINT`: where agents that are started by hand connect, ipc:///path/to/socket in a folder
    that only you can write to; where other hosts do, tcp://ADDRESS:PORT of this host, port 0 for any that is
    free; encrypted, with keys of this run."""

    join_timeout_s: Number
    """`--join-timeout SECONDS`: start without agents that have not joined this long after the last one did;
    default 3.5 for local agents, 20 for external ones, 300 for kubernetes ones, 60 for other hosts; 0.25 more
    for each further agent on a CPU."""

    prepare_timeout_s: Number
    """`--prepare-timeout SECONDS`: give up an agent that has neither ended a step of its preparation nor used
    CPU time for this long, or has prepared for ten times as long; default 600."""

    backend: str
    """`--backend NAME`: openvino, the default, or null:SERVICE_TIME_US, with any of ,exp[=SEED]
    ,drift=PERCENT_PER_S ,stall=SECONDS@AT ,slow=PERCENT ,wrong=agent|after: a device that takes exactly that
    long, or exponential times of that mean, to test ovbench, with faults to be found: slower and slower, a
    pause, the last agent slower or with wrong outputs."""

    hosts: str | Sequence[int]
    """`--hosts LIST`: run on these hosts, by ssh unless --launcher says otherwise, as in a,b=4,me@c:2222:
    --agents on each, or as many as stand behind =; needs --bind."""

    hosts_file: Text
    """`--hosts-file FILE`: the same from a file, a host on each line."""

    advertise: str
    """`--advertise ADDRESS`: what hosts connect to where that is not --bind, as behind a router: ADDRESS or
    ADDRESS:PORT."""

    remote_python: str
    """`--remote-python PATH`: the Python on the hosts, or the folder of its virtual environment, that has
    ovbench; default: ovbench-agent on their PATH."""

    install: bool
    """`--install`: put this ovbench on the hosts first, into a virtual environment in the user's cache
    there."""

    ssh_config: Text
    """`--ssh-config FILE`: ssh's -F: its configuration, instead of the user's."""

    slurm_options: str
    """`--slurm-options OPTIONS`: outside of an allocation: what to ask Slurm for, as in '-N 2 -p debug'."""

    ray_address: str
    """`--ray-address ADDRESS`: the Ray cluster; default auto."""

    model_cache: str
    """`--model-cache DIR[:SIZE]`: where hosts keep models that they were sent, and how much, as in
    /var/cache/ovbench:20G; default: the user's cache there."""

    allow_extensions: bool
    """`--allow-extensions`: send the hosts libraries of -extensions and files of properties, too: they run
    there with your rights."""

    join_folder: Text
    """`--join-folder DIR`: with --launcher external and --hosts: where to write the hosts' join files;
    default: the current folder."""

    run_keys: Text
    """`--run-keys FILE`: with --launcher kubernetes: the keys of the run, from ovbench-coord manifest
    kubernetes."""

    batch: Number
    """`-b N`: batch of each inference: a number, ? or -1 for any, or a range as in 1..8; default: the
    model's."""

    shape: str
    """`-shape SHAPES`: reshape the model: 1,3,224,224 for every input, or NAME[1,3,?,?],NAME[1..8,4]."""

    data_shape: str
    """`-data_shape SHAPES`: shapes of the data for a model of open shape, in turn:
    NAME[1,128][1,256],NAME[1,4]."""

    layout: str
    """`-layout LAYOUTS`: which dimension is what: [NCHW] for every input, or NAME[NCHW],NAME[NC]."""

    nireq: Number
    """`-nireq N`: infer requests in flight (async); default: the best number, by OpenVINO."""

    nstreams: Number
    """`-nstreams N`: streams; N or CPU:N, or AUTO for OpenVINO's choice."""

    inference_only: bool | str
    """`-inference_only [YES|NO]`: no: set the next inputs before each inference, within the measurement
    though not within its latency, the default for open shapes; yes: set them once, the default for static
    ones."""

    no_warmup: bool
    """`-no_warmup`: leave out the first inference, and the warm-up unless --warmup is given."""

    infer_precision: str
    """`-infer_precision TYPE`: precision to infer in, such as f32 or bf16 (or CPU:bf16); default: OpenVINO's
    choice for this CPU."""

    exec_graph_path: Text
    """`-exec_graph_path FILE`: write the graph that OpenVINO executed (as an IR, by agent 0), with the time
    of each layer."""

    extensions: Text
    """`-extensions FILE[,FILE]`: libraries with operations that OpenVINO lacks."""

    cache_dir: Text
    """`-cdir DIR`: keep compiled models there, so that the next run loads them faster."""

    load_from_file: bool | str
    """`-lfile [ANY]`: compile from the file without reading the model first; a value after it means
    nothing."""

    path_to_cldnn_config: Text
    """`-c FILE`: refused: it is for the kernels of GPUs."""

    input_precision: str
    """`-ip`: element type of all inputs: bool, f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64."""

    output_precision: str
    """`-op`: element type of all outputs."""

    input_output_precision: str
    """`-iop TYPES`: element types by name, which go before those of -ip and -op: "input:f16, output:f16"."""

    mean_values: str
    """`--mean-values [R,G,B]`: subtracted from images, or from an input: NAME[255,255,255],NAME[127]."""

    scale_values: str
    """`--scale-values [R,G,B]`: what images are divided by, after the mean is subtracted."""

    nthreads: Number
    """`-nthreads N`: inference threads; 0, the default: OpenVINO's choice."""

    pin: Pin | bool
    """`-pin`: whether OpenVINO pins its threads to cores within the agent's CPUs; default: its choice."""

    latency_percentile: Number
    """`-latency_percentile N`: the percentile that is reported as the latency, 1 to 100; default 50, the
    median."""

    report_type: ReportType
    """`-report_type`: also write benchmark_app's report: figures only, with the time of each layer on
    average, or with that of each infer request, too."""

    report_folder: Text
    """`-report_folder DIR`: where all reports go; default ovbench-results/<UTC time>-<model>/."""

    json_stats: bool | str
    """`-json_stats [YES|NO]`: the reports of -report_type in JSON, not CSV."""

    pc: bool | str
    """`-pc [YES|NO]`: print the time of each layer."""

    pcsort: Pcsort
    """`-pcsort`: print it slowest first (sort), the same without what did not run (simple_sort), or in the
    model's order."""

    pcseq: bool | str
    """`-pcseq [YES|NO]`: print the latency for each shape of -data_shape."""

    load_config: Text
    """`-load_config FILE`: further properties, as JSON: {"CPU": {"NUM_STREAMS": "3"}}; flags go before
    them."""

    dump_config: Text
    """`-dump_config FILE`: write the properties that each agent requests, in the format of -load_config."""

    overwrite: bool
    """`--overwrite`: write the report also where there is one in the folder already, over it."""

    save_samples: bool
    """`--save-samples`: also write samples.npz: start and end of every inference that the figures count, in
    ns."""

    sample_memory_mb: Number
    """`--sample-memory MB`: for exact samples, over all agents; a longer run goes on with histograms (error
    at most 0.1%); default 1024, that is 67 million inferences."""

    html: bool
    """`--html`: also write report.html: the report with charts, in one file; needs ovbench[html]."""

    plots: Plots
    """`--plots`: also write each chart as a file of that format; needs ovbench[html]."""

    markdown: Text
    """`--markdown FILE`: also write the report as Markdown, for a comment on a pull request; - for stdout."""

    live: str
    """`--live jsonl:FILE`: add each event of the run to a file as a line of JSON, with complete counts every
    second; jsonl:- for stdout."""

    metrics: str
    """`--metrics ADDRESS`: serve metrics for Prometheus at http://ADDRESS/metrics while it goes on, as in
    9464 (of this host alone) or 0.0.0.0:9464; 0 for any free port; needs ovbench[metrics]."""

    strict: bool
    """`--strict`: a warning, too, makes a run INVALID: exit code 4."""

    require: Text | Sequence[Text]
    """`--require LIMIT`: exit code 4 unless a figure meets it, as in 'fps >= 900' or 'p99_ms < 5'; may be
    repeated."""

    slo_ms: Number
    """`--slo-ms MS`: limits of the latency, for all or for a percentile, as in 20 or p99:20,p50:5: report how
    many inferences keep them (goodput); limit that with --require 'goodput >= 0.99'."""

    check_outputs: bool | str
    """`--check-outputs [YES|NO]`: compare the outputs of all agents on the first inputs, before and after the
    load; default yes."""

    min_window_s: Number
    """`--min-window SECONDS`: report a window that is shorter; default 2."""

    max_start_skew_ms: Number
    """`--max-start-skew MS`: report agents that start further apart; default 10."""

    max_clock_error_ms: Number
    """`--max-clock-error MS`: report a host whose clock is known less exactly than that; default 1."""

    max_stop_skew_percent: Number
    """`--max-stop-skew PERCENT`: report agents that stop further apart, in percent of the window; default
    10."""

    max_change_percent: Number
    """`--max-change PERCENT`: report the last three windows that differ by more, in throughput; default
    10."""

    max_trend_percent: Number
    """`--max-trend PERCENT`: report a trend of the throughput that adds up to more over the window; default
    5."""

    max_slower_percent: Number
    """`--max-slower PERCENT`: report an agent that is slower than the median of all by more; default 10."""

    max_contention_percent: Number
    """`--max-contention PERCENT`: report inferences that others under way make longer by more, at a rate;
    default 20."""

    max_others_percent: Number
    """`--max-others PERCENT`: report a measured CPU that other processes used for more of its time; default
    5."""

    max_harness_percent: Number
    """`--max-harness PERCENT`: report a measured CPU that ovbench itself used for more, beside the load;
    default 1."""

    max_steal_percent: Number
    """`--max-steal PERCENT`: report a measured CPU that the hypervisor took for more; default 1."""

    max_frequency_drop_percent: Number
    """`--max-frequency-drop PERCENT`: report a measured CPU that became slower by more; default 5."""

    max_remote_memory_percent: Number
    """`--max-remote-memory PERCENT`: report an agent that has more of its memory on other NUMA nodes; default
    5."""

    percentile_confidence_percent: Number
    """`--percentile-confidence PERCENT`: report percentiles from fewer samples than this confidence needs;
    default 99."""


class StudyOptions(TypedDict, total=False):
    """Of a study: its own, and those of its runs, which may have several values."""

    plan: Text
    """`--plan FILE`: a TOML file with the study; flags override it."""

    repetitions: Number
    """`--repetitions N`: trials of each setting, default 3, 5 for scaling and partition, 30 for capacity; for
    ab the number of ABBA blocks, 10; for releases the number of there-and-back blocks, 8; for bisect the
    number of there-and-back blocks, 60."""

    order_seed: Number
    """`--order-seed N`: seed of the order of the trials; default 0."""

    p99_limit_ms: Number
    """`--p99-limit-ms MS`: also name the best setting whose p99 is not above this."""

    size_percent: Number
    """`--size-percent PERCENT`: of ab, releases and bisect: a difference whose interval lies within this
    counts as none; default 2."""

    a: str | Mapping[str, object]
    """`--a FLAGS`: of ab: the flags of A, quoted."""

    b: str | Mapping[str, object]
    """`--b FLAGS`: of ab: the flags of B, quoted."""

    fail_if: Text | Sequence[Text]
    """`--fail-if CONDITION`: of ab and releases: exit code 4 where it comes true of B, or of a release
    against the first: slower, faster, inconclusive, or a change beyond noise, as in 'fps < -3%' or 'p99 >
    +5%'; may be repeated."""

    good: str
    """`--good RELEASE`: of bisect: a release that is fast enough."""

    bad: str
    """`--bad RELEASE`: of bisect: a later one that is too slow."""

    builds: str | Sequence[int]
    """`--builds LIST`: of bisect: instead, all builds from good to bad: releases, or Pythons that have
    them."""

    metric: str
    """`--metric FIGURE`: of bisect: what is to be slower, fps, median or p99; default fps."""

    at: Number
    """`--at PERCENT`: of load: the rates, in percent of what a closed loop does; a range goes in tens, or as
    in 50..110+5; default 10..90,95,100,105,110."""

    slo: Text | Sequence[Text]
    """`--slo PERCENTILE:MS`: of capacity and load: the latency to keep, as in p99:20, which is 99 % within 20
    ms; of several, all must hold; goodput:99:20 is the same."""

    within_percent: Number
    """`--within PERCENT`: of capacity: go on until half the 95 % interval of the rate is within this; default
    5."""

    partitions: bool
    """`--partitions`: of capacity: every way to cut the same cores, 1 agent x N streams to N x 1, per node,
    per socket."""

    report_folder: Text
    """`--report-folder DIR`: where the study is kept; default ovbench-results/<UTC time>-study-<kind>/."""

    resume: Text
    """`--resume DIR`: go on with a study: run what is missing of it."""

    accept_changes: bool
    """`--accept-changes`: with --resume: go on although the model or the machine has changed."""

    retry_failed: bool
    """`--retry-failed`: with --resume: also run trials again that were PARTIAL or FAILED."""

    retry_suspect: Number
    """`--retry-suspect N`: at the end run SUSPECT trials again, up to N times each, 0 to 10; of ab whole
    blocks; of releases whole blocks; of bisect whole blocks; default 1; with --resume it may be raised."""

    plots: Plots
    """`--plots`: also write each chart as a file; needs ovbench[html]."""

    markdown: Text
    """`--markdown FILE`: also write the answer as Markdown, for a comment on a pull request; - for stdout."""

    live: str
    """`--live jsonl:FILE`: add each event of the run to a file as a line of JSON, with complete counts every
    second; jsonl:- for stdout."""

    metrics: str
    """`--metrics ADDRESS`: serve metrics for Prometheus at http://ADDRESS/metrics while it goes on, as in
    9464 (of this host alone) or 0.0.0.0:9464; 0 for any free port; needs ovbench[metrics]."""

    inputs: Text | Sequence[Text]
    """`-i PATH [PATH ...]`: files for the inputs, or folders of them: images, .npy and .bin. PATH,PATH or
    INPUT:PATH,PATH,INPUT:PATH; default: random data."""

    model: Text | Sequence[Text]
    """`-m MODEL`: a model that OpenVINO reads (IR, ONNX, TensorFlow, TFLite, Paddle), a .blob compiled
    before, or builtin:squeezenet1.1, builtin:mlp, builtin:tiny; default builtin:squeezenet1.1."""

    device: str | Sequence[str]
    """`-d DEVICE`: CPU, the default."""

    hint: Hint | Sequence[Hint]
    """`-hint`: default: latency with -api sync, else throughput; none where -nstreams, -nthreads or -pin is
    given."""

    api: Api | Sequence[Api]
    """`-api`: default: sync with -hint latency, else async."""

    niter: Number | Sequence[Number]
    """`-niter N`: inferences of all agents together; with -t, until both are met; not at a --rate; 0 only
    compiles the model."""

    duration_s: Number | Sequence[Number]
    """`-t SECONDS`: length of the measurement, such as 90, 90s or 1m30s; default 10, or as long as -niter
    takes."""

    until: str | Sequence[str]
    """`--until FIGURE`: measure until a figure is known so well, as in 'p99 +-3%' or 'fps +-1%': until its 95
    % interval is within that much of it; -t is then the most, default 600."""

    scenario: str | Sequence[str]
    """`--scenario SCENARIO`: a load of MLPerf's, judged by LoadGen's rules: single-stream; multi-stream:N, N
    at a time; server, arrivals at --rate within --slo-ms; or offline. Takes 600 seconds unless -t says
    otherwise."""

    max_irate: Number | Sequence[Number]
    """`-max_irate FPS`: limit of the aggregate rate, in frames per second, divided among the agents; default
    0, no limit."""

    rate: Number | Sequence[Number]
    """`--rate R`: let this many inferences per second become due, those of all agents together, done or not:
    latency is from when each was due, as in --rate 300."""

    arrivals: str | Sequence[str]
    """`--arrivals LAW`: when they become due: poisson, the default, as from many independent users; constant;
    gamma:CV for gaps of that coefficient of variation (gamma:2 has bursts); or trace:FILE[@SCALE], recorded
    instants in seconds (one a line, CSV with a header, or .npy), with @2 stretched to twice the time at half
    the rate."""

    stages: str | Sequence[str]
    """`--stages STAGES`: a rate that changes, instead of --rate and -t: DURATION:RATE or DURATION:RATE..RATE
    for a ramp, with ms, s, m or h, as in 10s:100,30s:100..500,60s:500."""

    arrival_seed: Number | Sequence[Number]
    """`--arrival-seed N`: seed of when they become due; default 0."""

    dispatch: Dispatch | Sequence[Dispatch]
    """`--dispatch`: who serves an arrival: shared, the default, one queue that all agents take from; or dealt
    beforehand, as a load balancer does: round-robin or random, or partition, the fixed equal shares of
    -max_irate."""

    drain_s: Number | Sequence[Number]
    """`--drain SECONDS`: at a rate: so long after the end, what was due before it may still be started and
    finish; default 5."""

    timeout_ms: Number | Sequence[Number]
    """`--timeout-ms MS`: drop what has waited so long to be started, and count it as dropped; default:
    never."""

    spin_us: Number | Sequence[Number]
    """`--spin MICROSECONDS`: at a rate: wake so long before an inference is due, and spin; more is more
    punctual and takes more of the CPU, 0 only sleeps; default 200, with -api async 50."""

    warmup_s: Number | Sequence[Number]
    """`--warmup SECONDS`: load that all agents run together before the measurement; default 1, 0 with
    -no_warmup; with --rate, arrivals of so long that are served and not counted."""

    seed: Number | Sequence[Number]
    """`--seed N`: seed of the random inputs; default 0."""

    agents: Number | Sequence[Number]
    """`--agents N`: the CPUs to measure are split evenly over N agents; or per-core, per-l3, per-node, per-
    socket: one agent for each; default: per-core, or with --cpus-per-agent as many as fit."""

    cpus_per_agent: Number | Sequence[Number]
    """`--cpus-per-agent K`: each agent gets K CPUs; what is left over is not measured."""

    cpus: str | Sequence[int]
    """`--cpus LIST`: measure only these, as in 0-3,8; default: all allowed."""

    nodes: str | Sequence[int]
    """`--nodes LIST`: measure only CPUs of these NUMA nodes."""

    sockets: str | Sequence[int]
    """`--sockets LIST`: measure only CPUs of these sockets."""

    smt: Smt | Sequence[Smt]
    """`--smt`: skip, the default: one logical CPU of each core (of those named, the lowest); use: all of
    them."""

    core_kind: CoreKind | Sequence[CoreKind]
    """`--core-kind`: measure only cores of this kind, where there are two; default any."""

    spread: Spread | Sequence[Spread]
    """`--spread`: compact, the default: agents side by side; scatter: in turn over sockets, nodes and L3
    caches."""

    cross_node: CrossNode | Sequence[CrossNode]
    """`--cross-node`: allow: an agent may have CPUs of several NUMA nodes where agents would else be uneven
    or not fit; avoid, the default: only with fewer agents than nodes, or per-socket."""

    housekeeping: str | Sequence[int]
    """`--housekeeping LIST`: CPUs for control threads and the coordinator, not measured; default: all that no
    agent has, SMT siblings of measured ones only where there are no others."""

    memory: str | Sequence[str]
    """`--memory local|interleave|NODES`: where agents take memory from: local, the node that they run on;
    interleave, in turn from all nodes that have memory, whatever --nodes says of CPUs; NODES, only from
    these, as in 0,1; default: the system's policy."""

    launcher: Launcher | Sequence[Launcher]
    """`--launcher`: local starts the agents, the default; external waits for agents started with ovbench-
    agent --connect, or for --hosts that join by hand; ssh reaches the --hosts by OpenSSH; slurm takes the
    nodes of the Slurm job that this runs in, or asks for some with --slurm-options; ray takes the nodes of
    the Ray cluster at --ray-address; kubernetes waits for the pods of ovbench-coord manifest kubernetes,
    whose keys are --run-keys."""

    agent_python: Text | Sequence[Text]
    """`--agent-python PATH`: the Python to run the agents in, as that of a virtual environment with another
    OpenVINO; ovbench must be installed there, too; default: the one that runs this."""

    openvino: str | Sequence[str]
    """`--openvino RELEASE`: the release of OpenVINO to run the agents on, such as 2025.4, the newest of its
    kind, or 2025.4.0; it is installed in your cache when it is first wanted; default: the one that is
    installed."""

    bind: str | Sequence[str]
    """`--bind ENDPOINT`: where agents that are started by hand connect, ipc:///path/to/socket in a folder
    that only you can write to; where other hosts do, tcp://ADDRESS:PORT of this host, port 0 for any that is
    free; encrypted, with keys of this run."""

    join_timeout_s: Number | Sequence[Number]
    """`--join-timeout SECONDS`: start without agents that have not joined this long after the last one did;
    default 3.5 for local agents, 20 for external ones, 300 for kubernetes ones, 60 for other hosts; 0.25 more
    for each further agent on a CPU."""

    prepare_timeout_s: Number | Sequence[Number]
    """`--prepare-timeout SECONDS`: give up an agent that has neither ended a step of its preparation nor used
    CPU time for this long, or has prepared for ten times as long; default 600."""

    backend: str | Sequence[str]
    """`--backend NAME`: openvino, the default, or null:SERVICE_TIME_US, with any of ,exp[=SEED]
    ,drift=PERCENT_PER_S ,stall=SECONDS@AT ,slow=PERCENT ,wrong=agent|after: a device that takes exactly that
    long, or exponential times of that mean, to test ovbench, with faults to be found: slower and slower, a
    pause, the last agent slower or with wrong outputs."""

    hosts: str | Sequence[int]
    """`--hosts LIST`: run on these hosts, by ssh unless --launcher says otherwise, as in a,b=4,me@c:2222:
    --agents on each, or as many as stand behind =; needs --bind."""

    hosts_file: Text | Sequence[Text]
    """`--hosts-file FILE`: the same from a file, a host on each line."""

    advertise: str | Sequence[str]
    """`--advertise ADDRESS`: what hosts connect to where that is not --bind, as behind a router: ADDRESS or
    ADDRESS:PORT."""

    remote_python: str | Sequence[str]
    """`--remote-python PATH`: the Python on the hosts, or the folder of its virtual environment, that has
    ovbench; default: ovbench-agent on their PATH."""

    install: bool
    """`--install`: put this ovbench on the hosts first, into a virtual environment in the user's cache
    there."""

    ssh_config: Text | Sequence[Text]
    """`--ssh-config FILE`: ssh's -F: its configuration, instead of the user's."""

    slurm_options: str | Sequence[str]
    """`--slurm-options OPTIONS`: outside of an allocation: what to ask Slurm for, as in '-N 2 -p debug'."""

    ray_address: str | Sequence[str]
    """`--ray-address ADDRESS`: the Ray cluster; default auto."""

    model_cache: str | Sequence[str]
    """`--model-cache DIR[:SIZE]`: where hosts keep models that they were sent, and how much, as in
    /var/cache/ovbench:20G; default: the user's cache there."""

    allow_extensions: bool
    """`--allow-extensions`: send the hosts libraries of -extensions and files of properties, too: they run
    there with your rights."""

    join_folder: Text | Sequence[Text]
    """`--join-folder DIR`: with --launcher external and --hosts: where to write the hosts' join files;
    default: the current folder."""

    run_keys: Text | Sequence[Text]
    """`--run-keys FILE`: with --launcher kubernetes: the keys of the run, from ovbench-coord manifest
    kubernetes."""

    batch: Number | Sequence[Number]
    """`-b N`: batch of each inference: a number, ? or -1 for any, or a range as in 1..8; default: the
    model's."""

    shape: str | Sequence[str]
    """`-shape SHAPES`: reshape the model: 1,3,224,224 for every input, or NAME[1,3,?,?],NAME[1..8,4]."""

    data_shape: str | Sequence[str]
    """`-data_shape SHAPES`: shapes of the data for a model of open shape, in turn:
    NAME[1,128][1,256],NAME[1,4]."""

    layout: str | Sequence[str]
    """`-layout LAYOUTS`: which dimension is what: [NCHW] for every input, or NAME[NCHW],NAME[NC]."""

    nireq: Number | Sequence[Number]
    """`-nireq N`: infer requests in flight (async); default: the best number, by OpenVINO."""

    nstreams: Number | Sequence[Number]
    """`-nstreams N`: streams; N or CPU:N, or AUTO for OpenVINO's choice."""

    inference_only: bool | str | Sequence[bool | str]
    """`-inference_only [YES|NO]`: no: set the next inputs before each inference, within the measurement
    though not within its latency, the default for open shapes; yes: set them once, the default for static
    ones."""

    no_warmup: bool
    """`-no_warmup`: leave out the first inference, and the warm-up unless --warmup is given."""

    infer_precision: str | Sequence[str]
    """`-infer_precision TYPE`: precision to infer in, such as f32 or bf16 (or CPU:bf16); default: OpenVINO's
    choice for this CPU."""

    extensions: Text | Sequence[Text]
    """`-extensions FILE[,FILE]`: libraries with operations that OpenVINO lacks."""

    cache_dir: Text | Sequence[Text]
    """`-cdir DIR`: keep compiled models there, so that the next run loads them faster."""

    load_from_file: bool | str | Sequence[bool | str]
    """`-lfile [ANY]`: compile from the file without reading the model first; a value after it means
    nothing."""

    path_to_cldnn_config: Text | Sequence[Text]
    """`-c FILE`: refused: it is for the kernels of GPUs."""

    input_precision: str | Sequence[str]
    """`-ip`: element type of all inputs: bool, f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64."""

    output_precision: str | Sequence[str]
    """`-op`: element type of all outputs."""

    input_output_precision: str | Sequence[str]
    """`-iop TYPES`: element types by name, which go before those of -ip and -op: "input:f16, output:f16"."""

    mean_values: str | Sequence[str]
    """`--mean-values [R,G,B]`: subtracted from images, or from an input: NAME[255,255,255],NAME[127]."""

    scale_values: str | Sequence[str]
    """`--scale-values [R,G,B]`: what images are divided by, after the mean is subtracted."""

    nthreads: Number | Sequence[Number]
    """`-nthreads N`: inference threads; 0, the default: OpenVINO's choice."""

    pin: Pin | bool | Sequence[Pin | bool]
    """`-pin`: whether OpenVINO pins its threads to cores within the agent's CPUs; default: its choice."""

    latency_percentile: Number | Sequence[Number]
    """`-latency_percentile N`: the percentile that is reported as the latency, 1 to 100; default 50, the
    median."""

    pc: bool | str | Sequence[bool | str]
    """`-pc [YES|NO]`: print the time of each layer."""

    pcsort: Pcsort | Sequence[Pcsort]
    """`-pcsort`: print it slowest first (sort), the same without what did not run (simple_sort), or in the
    model's order."""

    pcseq: bool | str | Sequence[bool | str]
    """`-pcseq [YES|NO]`: print the latency for each shape of -data_shape."""

    load_config: Text | Sequence[Text]
    """`-load_config FILE`: further properties, as JSON: {"CPU": {"NUM_STREAMS": "3"}}; flags go before
    them."""

    save_samples: bool
    """`--save-samples`: also write samples.npz: start and end of every inference that the figures count, in
    ns."""

    sample_memory_mb: Number | Sequence[Number]
    """`--sample-memory MB`: for exact samples, over all agents; a longer run goes on with histograms (error
    at most 0.1%); default 1024, that is 67 million inferences."""

    strict: bool
    """`--strict`: a warning, too, makes a run INVALID: exit code 4."""

    slo_ms: Number | Sequence[Number]
    """`--slo-ms MS`: limits of the latency, for all or for a percentile, as in 20 or p99:20,p50:5: report how
    many inferences keep them (goodput); limit that with --require 'goodput >= 0.99'."""

    check_outputs: bool | str | Sequence[bool | str]
    """`--check-outputs [YES|NO]`: compare the outputs of all agents on the first inputs, before and after the
    load; default yes."""

    min_window_s: Number | Sequence[Number]
    """`--min-window SECONDS`: report a window that is shorter; default 2."""

    max_start_skew_ms: Number | Sequence[Number]
    """`--max-start-skew MS`: report agents that start further apart; default 10."""

    max_clock_error_ms: Number | Sequence[Number]
    """`--max-clock-error MS`: report a host whose clock is known less exactly than that; default 1."""

    max_stop_skew_percent: Number | Sequence[Number]
    """`--max-stop-skew PERCENT`: report agents that stop further apart, in percent of the window; default
    10."""

    max_change_percent: Number | Sequence[Number]
    """`--max-change PERCENT`: report the last three windows that differ by more, in throughput; default
    10."""

    max_trend_percent: Number | Sequence[Number]
    """`--max-trend PERCENT`: report a trend of the throughput that adds up to more over the window; default
    5."""

    max_slower_percent: Number | Sequence[Number]
    """`--max-slower PERCENT`: report an agent that is slower than the median of all by more; default 10."""

    max_contention_percent: Number | Sequence[Number]
    """`--max-contention PERCENT`: report inferences that others under way make longer by more, at a rate;
    default 20."""

    max_others_percent: Number | Sequence[Number]
    """`--max-others PERCENT`: report a measured CPU that other processes used for more of its time; default
    5."""

    max_harness_percent: Number | Sequence[Number]
    """`--max-harness PERCENT`: report a measured CPU that ovbench itself used for more, beside the load;
    default 1."""

    max_steal_percent: Number | Sequence[Number]
    """`--max-steal PERCENT`: report a measured CPU that the hypervisor took for more; default 1."""

    max_frequency_drop_percent: Number | Sequence[Number]
    """`--max-frequency-drop PERCENT`: report a measured CPU that became slower by more; default 5."""

    max_remote_memory_percent: Number | Sequence[Number]
    """`--max-remote-memory PERCENT`: report an agent that has more of its memory on other NUMA nodes; default
    5."""

    percentile_confidence_percent: Number | Sequence[Number]
    """`--percentile-confidence PERCENT`: report percentiles from fewer samples than this confidence needs;
    default 99."""
