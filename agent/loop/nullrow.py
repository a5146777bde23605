"""Where words lie in the rows of the null device: of its servers and of its requests.

Its compiled functions (`serving`) index rows by these offsets, which are compiled into them.
"""

from typing import Final

# Words of a server's row; a request's row has the same first words.
N_SERVICE: Final = 0
N_CLOCK: Final = 1
N_SLEEP: Final = 2
N_TIME: Final = 3  # and 4: a timespec
N_SUBMITTED: Final = 5  # instant at which a request was given to its server
N_FUNCTOR: Final = 6  # address of the slot's std::function, whose first word is the slot's address
N_CALLBACK: Final = 7
N_QUIT: Final = 8
N_REQUESTS: Final = 9
N_INPUTS: Final = 10  # of a request that is traced: how many inputs it has
N_VALUES: Final = 11  # address of [INPUTS] int64: the inputs now
N_TRACE: Final = 12  # address of [ROOM, INPUTS] int64: the inputs of each inference
N_TRACED: Final = 13
N_ROOM: Final = 14
N_BEGIN: Final = 15  # instant from which on there are faults, or 0: there are none
N_DRIFT: Final = 16  # by how much of its time a service takes longer per second since then, in 1e-9
N_STALL: Final = 17  # instants between which nothing is served
N_RESUME: Final = 18
N_SERVER: Final = 19  # of a request: the address of its server's row
N_QUEUE: Final = 20  # of a server: address of [REQUESTS] int64, requests that wait, round and round; 0 is a free place
N_POST: Final = 21  # of a server: address of sem_post
N_WAIT: Final = 22  # and of sem_wait
N_EXPONENTIAL: Final = 23  # 1: service times are exponential with mean SERVICE, not all SERVICE
N_KEY: Final = 24  # of a stream's sequence of service times
N_NUMBER: Final = 25  # how many of it were taken
N_TICKET: Final = 32  # of a server: how many were submitted; by several threads, so on a line of its own
N_SEMAPHORE: Final = 40  # and three more: a sem_t, how many wait in the queue; zeros are what sem_init makes of 0

ROW_WORDS: Final = 64

INVALID: Final = -14
"""The status of a null pointer in OpenVINO's C API (INVALID_C_PARAM in ov_common.h)."""
